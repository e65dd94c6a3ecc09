#include "base/rng.h"
#include "models/memory/activate_window.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// tRRD_S 4, tRRD_L 8, tFAW 34 clocks. Four bank groups.
DramTiming timing() { return DramTiming::make(DramStandard::Ddr4_3200, {}, 8); }
constexpr std::uint32_t groups = 4;
constexpr std::uint64_t start = 1'600;

TEST(ActivateWindow, SpacesActivatesOfOneGroupMoreThanThoseOfTwo) {
    ActivateWindow window(timing(), groups);
    window.insert(start, 0);
    EXPECT_EQ(window.find(start, 1), start + 4);
    EXPECT_EQ(window.find(start, 0), start + 8);
}

TEST(ActivateWindow, FifthActivateWaitsForTheFourActivateWindow) {
    ActivateWindow window(timing(), groups);
    for (std::uint8_t i = 0; i < 4; ++i) window.insert(start + 4 * i, i);
    EXPECT_EQ(window.find(start, 0), start + 34);
    EXPECT_EQ(window.find(start + 34, 0), start + 34);
}

TEST(ActivateWindow, LateRequestGoesBetweenEarlierOnesWhereItFits) {
    ActivateWindow window(timing(), groups);
    window.insert(start, 0);
    window.insert(start + 100, 0);
    EXPECT_EQ(window.find(start + 92, 0), start + 92);
    EXPECT_EQ(window.find(start + 93, 0), start + 108);
}

/// The same by trying every moment that may be the first.
class PlainWindow {
public:
    explicit PlainWindow(const DramTiming& t) : m_t(t) {}
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, std::uint8_t group) const {
        std::vector<std::uint64_t> moments{earliest};
        for (const Activate& one : m_all)
            for (const Cycles wait : {m_t.t_rrd_s, m_t.t_rrd_l, m_t.t_faw})
                moments.push_back(std::max(earliest, one.time + wait.value()));
        std::ranges::sort(moments);
        return *std::ranges::find_if(moments, [&](std::uint64_t time) { return fits({time, group}); });
    }
    void insert(std::uint64_t time, std::uint8_t group) { m_all.push_back({time, group}); }

private:
    struct Activate {
        std::uint64_t time;
        std::uint8_t group;
    };
    [[nodiscard]] bool fits(const Activate& mine) const {
        std::vector<std::uint64_t> times{mine.time};
        for (const Activate& one : m_all) {
            const std::uint64_t apart = one.time > mine.time ? one.time - mine.time : mine.time - one.time;
            if (apart < (one.group == mine.group ? m_t.t_rrd_l : m_t.t_rrd_s).value()) return false;
            times.push_back(one.time);
        }
        std::ranges::sort(times);
        for (std::size_t i = 4; i < times.size(); ++i)
            if (times[i] - times[i - 4] < m_t.t_faw.value()) return false;
        return true;
    }
    DramTiming m_t;
    std::vector<Activate> m_all;
};

TEST(ActivateWindow, FindsTheFirstMomentThatThereIs) {
    for (const DramStandard standard :
         {DramStandard::Ddr4_2400, DramStandard::Ddr4_3200, DramStandard::Ddr5_4800}) {
        const DramTiming t = DramTiming::make(standard, {}, 8);
        Rng rng(5, "activates");
        for (std::uint64_t round = 0; round < 20; ++round) {
            ActivateWindow fast(t, groups);
            PlainWindow plain(t);
            for (int i = 0; i < 100; ++i) {
                const std::uint64_t earliest = start + rng.below(160 + round * 100);
                const auto group = static_cast<std::uint8_t>(rng.below(4));
                const std::uint64_t time = fast.find(earliest, group);
                ASSERT_EQ(time, plain.find(earliest, group)) << "round " << round << ", activate " << i;
                fast.insert(time, group);
                plain.insert(time, group);
            }
        }
    }
}

TEST(ActivateWindow, NoOrderOfRequestsBreaksAConstraint) {
    const DramTiming t = timing();
    Rng rng(7, "activates");
    ActivateWindow window(t, groups);
    struct Activate {
        std::uint64_t time;
        std::uint8_t group;
    };
    std::vector<Activate> all;
    std::uint64_t now = start;
    for (int i = 0; i < 2000; ++i) {
        // More than a rank can activate, so that the requests fall behind.
        now += rng.below(10);
        const auto group = static_cast<std::uint8_t>(rng.below(4));
        const std::uint64_t time = window.find(now - rng.below(16), group);
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
