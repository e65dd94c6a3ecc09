#include "models/device/flash_media.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t sectors_per_page = 16384 / 512;

struct Flash : testing::Test {
    BlockDeviceParameters parameters{.dies = 4,
                                     .page_bytes = 16384,
                                     .read_latency = Tick(50'000),
                                     .program_latency = Tick(400'000),
                                     .write_amplification = 300};
    struct Done {
        Tick time;
        std::uint32_t command;
        std::uint32_t bytes;
    };
    static std::vector<Done> all(FlashMedia& media) {
        std::vector<Done> done;
        for (Tick time = media.next(); time != no_time; time = media.next()) {
            EXPECT_FALSE(media.take(time - Tick(1)));
            const auto part = media.take(time);
            done.push_back({time, part->command, part->bytes});
        }
        return done;
    }
};

TEST_F(Flash, ReadsPagesOfDifferentDiesSideBySide) {
    FlashMedia media(parameters, 1);
    media.read({.sector = 0, .bytes = 4 * 16384, .command = 7}, Tick(100));
    const auto done = all(media);
    ASSERT_EQ(done.size(), 4U);
    for (const Done& part : done) {
        EXPECT_EQ(part.time, Tick(50'100));
        EXPECT_EQ(part.command, 7U);
        EXPECT_EQ(part.bytes, 16384U);
    }
}

TEST_F(Flash, ReadsPagesOfOneDieOneAfterTheOther) {
    FlashMedia media(parameters, 1);
    media.read({.sector = 0, .bytes = 4096, .command = 1}, Tick());
    media.read({.sector = 4 * sectors_per_page, .bytes = 4096, .command = 2}, Tick());
    const auto done = all(media);
    ASSERT_EQ(done.size(), 2U);
    EXPECT_EQ(done[0].time, Tick(50'000));
    EXPECT_EQ(done[1].time, Tick(100'000));
    EXPECT_EQ(done[1].command, 2U);
}

TEST_F(Flash, LetsAReadSuspendAProgram) {
    FlashMedia media(parameters, 1);
    for (std::uint64_t page = 0; page < 4; ++page) // on every die, behind each other
        media.write({.sector = page * sectors_per_page, .bytes = 16384, .command = 0}, Tick());
    media.read({.sector = 0, .bytes = 4096, .command = 9}, Tick(10));
    EXPECT_EQ(media.next(), Tick(50'010));
    EXPECT_EQ(media.take(Tick(50'010))->command, 9U);
}

TEST_F(Flash, ProgramsMoreForAWriteThatFollowsNoOther) {
    FlashMedia media(parameters, 1);
    media.write({.sector = 800, .bytes = 16384, .command = 1}, Tick());
    media.write({.sector = 832, .bytes = 16384, .command = 2}, Tick());
    const auto done = all(media);
    ASSERT_EQ(done.size(), 2U);
    EXPECT_EQ(done[0].command, 2U); // follows the first: its own bytes only
    EXPECT_NEAR(static_cast<double>(done[0].time.value()), 400'000, 20'000);
    EXPECT_NEAR(static_cast<double>(done[1].time.value()), 1'200'000, 60'000);
}

TEST_F(Flash, DrawsLatenciesFromTheSpreadAndRepeatsThem) {
    parameters.latency_spread = 10;
    const auto draw = [&](std::uint64_t seed) {
        FlashMedia media(parameters, seed);
        std::vector<std::uint64_t> times;
        Tick now;
        for (int i = 0; i < 200; ++i) {
            media.read({.sector = 0, .bytes = 4096, .command = 0}, now);
            const Tick done = media.next();
            (void)media.take(done);
            times.push_back((done - now).value());
            now = done;
        }
        return times;
    };
    const auto times = draw(1);
    EXPECT_EQ(times, draw(1));
    EXPECT_NE(times, draw(2));
    for (const std::uint64_t time : times) {
        EXPECT_GE(time, 45'000U);
        EXPECT_LE(time, 55'000U);
    }
    EXPECT_LT(*std::ranges::min_element(times), 46'500U);
    EXPECT_GT(*std::ranges::max_element(times), 53'500U);
}

} // namespace
} // namespace pagewalk::models
