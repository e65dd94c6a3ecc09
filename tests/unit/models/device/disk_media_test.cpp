#include "models/device/disk_media.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t turn = 8'000'000'000; // ticks: 8 ms

/// 1 TB whose every zone delivers 125 MB/s: a turn is 1 MB, a cylinder 18 MB.
struct Platters : testing::Test {
    DiskMedia media{{.capacity = 1'000'000'000'000,
                     .revolution = Tick(turn),
                     .settle = Tick(1'000'000'000),
                     .full_seek = Tick(10'000'000'000),
                     .inner_bandwidth = 125'000'000,
                     .outer_bandwidth = 125'000'000}};
    Tick finish() {
        const Tick done = media.next();
        EXPECT_FALSE(media.take(done - Tick(1)));
        EXPECT_TRUE(media.take(done));
        return done;
    }
};

TEST_F(Platters, WaitsForTheSectorToComeRound) {
    media.read({.sector = 0, .bytes = 512, .command = 0}, Tick());
    const Tick first = finish();
    EXPECT_EQ(first, Tick(512 * 8'000)); // under the head at once: 8 ns a byte
    // A quarter of a turn behind the first sector, on the same track: settled long before.
    media.read({.sector = 250'000 / 512, .bytes = 512, .command = 1}, first);
    EXPECT_EQ(finish(), Tick((250'000 / 512 + 1) * 512 * 8'000ULL));
}

TEST_F(Platters, LosesATurnWhereTheSectorHasJustGoneBy) {
    media.read({.sector = 8, .bytes = 512, .command = 0}, Tick());
    const Tick first = finish();
    media.read({.sector = 8, .bytes = 512, .command = 1}, first);
    EXPECT_EQ(finish(), first + Tick(turn));
}

TEST_F(Platters, TakesLongerTheFurtherItSeeks) {
    const auto time_to = [&](std::uint64_t sector) {
        DiskMedia fresh = media;
        fresh.read({.sector = sector, .bytes = 512, .command = 0}, Tick());
        return fresh.next().value();
    };
    // Whole turns are equal; what differs by more than one is the seek.
    EXPECT_LT(time_to(200'000), 1'000'000'000 + turn);
    EXPECT_GE(time_to(1'900'000'000), 1'000'000'000 + 9'800'000'000); // nearly all of it
    EXPECT_LT(time_to(1'900'000'000), 1'000'000'000 + 9'900'000'000 + turn);
}

TEST_F(Platters, ServesFirstWhatItReachesFirst) {
    media.read({.sector = 0, .bytes = 512, .command = 0}, Tick());
    media.read({.sector = 1'900'000'000, .bytes = 512, .command = 1}, Tick());
    media.read({.sector = 500, .bytes = 512, .command = 2}, Tick());
    std::vector<std::uint32_t> order;
    while (media.next() != no_time) order.push_back(media.take(media.next())->command);
    EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 2, 1}));
}

TEST_F(Platters, StreamsAtTheRateOfItsTracks) {
    Tick done;
    const Tick start;
    for (std::uint64_t i = 0; i < 100; ++i) {
        media.read({.sector = i * 256, .bytes = 131072, .command = 0}, done);
        done = finish() + Tick(50'000'000); // the host takes 50 us each time
    }
    const double seconds = static_cast<double>((done - start).value()) * 1e-12;
    EXPECT_NEAR(100 * 131072 / seconds, 125e6, 2e6);
}

} // namespace
} // namespace pagewalk::models
