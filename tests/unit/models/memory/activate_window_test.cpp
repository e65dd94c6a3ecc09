#include "base/rng.h"
#include "models/memory/activate_window.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// tRRD_S 4, tRRD_L 8, tFAW 34 clocks of 625 ps.
DramTiming timing() { return DramTiming::make(DramStandard::Ddr4_3200, {}, 8); }
constexpr std::uint64_t clocks(std::uint64_t n) { return n * 625; }
constexpr std::uint64_t start = 1'000'000;

TEST(ActivateWindow, SpacesActivatesOfOneGroupMoreThanThoseOfTwo) {
    ActivateWindow window(timing());
    window.insert(start, 0);
    EXPECT_EQ(window.find(start, 1), start + clocks(4));
    EXPECT_EQ(window.find(start, 0), start + clocks(8));
}

TEST(ActivateWindow, FifthActivateWaitsForTheFourActivateWindow) {
    ActivateWindow window(timing());
    for (std::uint32_t i = 0; i < 4; ++i) window.insert(start + clocks(4 * i), i);
    EXPECT_EQ(window.find(start, 0), start + clocks(34));
    EXPECT_EQ(window.find(start + clocks(34), 0), start + clocks(34));
}

TEST(ActivateWindow, LateRequestGoesBetweenEarlierOnesWhereItFits) {
    ActivateWindow window(timing());
    window.insert(start, 0);
    window.insert(start + clocks(100), 0);
    EXPECT_EQ(window.find(start + clocks(92), 0), start + clocks(92));
    EXPECT_EQ(window.find(start + clocks(93), 0), start + clocks(108));
}

TEST(ActivateWindow, NoOrderOfRequestsBreaksAConstraint) {
    const DramTiming t = timing();
    Rng rng(7, "activates");
    ActivateWindow window(t);
    struct Activate {
        std::uint64_t time;
        std::uint32_t group;
    };
    std::vector<Activate> all;
    std::uint64_t now = start;
    for (int i = 0; i < 2000; ++i) {
        // More than a rank can activate, so that the requests fall behind.
        now += rng.below(6'000);
        const auto group = static_cast<std::uint32_t>(rng.below(4));
        const std::uint64_t time = window.find(now - rng.below(10'000), group);
        window.insert(time, group);
        all.push_back({time, group});
    }
    std::ranges::sort(all, {}, &Activate::time);
    for (std::size_t i = 1; i < all.size(); ++i) {
        EXPECT_GE(all[i].time - all[i - 1].time, t.t_rrd_s.value());
        for (std::size_t k = i; k-- > 0 && all[i].time - all[k].time < t.t_rrd_l.value();)
            EXPECT_NE(all[i].group, all[k].group);
        if (i >= 4) {
            EXPECT_GE(all[i].time - all[i - 4].time, t.t_faw.value());
        }
    }
}

} // namespace
} // namespace pagewalk::models
