#include "models/core/cpu_horizons.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

struct Waker final : CpuWaker {
    void wake_at(Tick at) override { times.push_back(at); }
    std::vector<Tick> times;
};

TEST(CpuHorizons, LoneCpuWaitsForNobody) {
    CpuHorizons horizons;
    horizons.connect(CpuId{0});
    EXPECT_TRUE(horizons.others_reached(CpuId{0}, Tick(1'000)));
}

TEST(CpuHorizons, TimeIsReachedWhenAllOthersAreThere) {
    CpuHorizons horizons;
    for (std::uint16_t i = 0; i < 3; ++i) horizons.connect(CpuId{i});
    horizons.set(CpuId{1}, Tick(100));
    horizons.set(CpuId{2}, Tick(99));
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(100)));
    horizons.set(CpuId{2}, Tick(100));
    EXPECT_TRUE(horizons.others_reached(CpuId{0}, Tick(100)));
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(101)));
    EXPECT_FALSE(horizons.others_reached(CpuId{1}, Tick(1))); // the first has not come anywhere
}

TEST(CpuHorizons, CpuThatIsWokenMayAskFromThenOn) {
    CpuHorizons horizons;
    for (std::uint16_t i = 0; i < 2; ++i) horizons.connect(CpuId{i});
    Waker waker;
    horizons.connect(CpuId{1}, waker);
    horizons.set(CpuId{1}, no_time);
    EXPECT_TRUE(horizons.others_reached(CpuId{0}, Tick(500)));
    horizons.wake(CpuId{1}, Tick(400));
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(500)));
    EXPECT_EQ(waker.times, std::vector{Tick(400)});
    horizons.wake(CpuId{1}, Tick(450)); // no later than it was to be
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(420)));
}

TEST(CpuHorizons, CpuRestsUntilItsTimeWhenAllDo) {
    CpuHorizons horizons;
    for (std::uint16_t i = 0; i < 3; ++i) horizons.connect(CpuId{i});
    EXPECT_FALSE(horizons.rest(CpuId{0}));
    EXPECT_FALSE(horizons.rest(CpuId{1}));
    EXPECT_TRUE(horizons.rest(CpuId{2}));
    EXPECT_TRUE(horizons.rest(CpuId{0}));
}

TEST(CpuHorizons, WhoeverLeavesQuantaOutLooksForWorkWhenOneIsAtWork) {
    CpuHorizons horizons;
    Waker short_rest, long_rest;
    for (std::uint16_t i = 0; i < 2; ++i) horizons.connect(CpuId{i});
    horizons.connect(CpuId{0}, short_rest);
    horizons.connect(CpuId{1}, long_rest);
    EXPECT_FALSE(horizons.rest(CpuId{0}));
    EXPECT_TRUE(horizons.rest(CpuId{1}));
    horizons.set(CpuId{1}, Tick(9'000));
    horizons.stir(CpuId{0}, Tick(700));
    EXPECT_TRUE(short_rest.times.empty());
    EXPECT_EQ(long_rest.times, std::vector{Tick(700)});
    EXPECT_FALSE(horizons.others_reached(CpuId{0}, Tick(701)));
    EXPECT_FALSE(horizons.rest(CpuId{0})) << "the other may have found work";
}

} // namespace
} // namespace pagewalk::models
