#include "base/rng.h"
#include "models/memory/data_bus.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr std::uint64_t start = 1'600;

/// DDR4-3200: burst 4, tCCD_L 8, tCL 22, tWTR_S 4, tWTR_L 12, tRTRS 2 clocks. Two ranks.
DramTiming timing() { return DramTiming::make(DramStandard::Ddr4_3200, {}, 8); }
DataBus bus() { return DataBus(timing(), 2, 4); }

TEST(DataBus, TransfersFollowEachOtherByTheirPlaces) {
    DataBus b = bus();
    b.insert(start, BusDirection::Read, 0);
    EXPECT_EQ(b.find(start, BusDirection::Read, 1), start + 4);
    EXPECT_EQ(b.find(start, BusDirection::Read, 0), start + 8);
    EXPECT_EQ(b.find(start, BusDirection::Read, 4), start + 4 + 2);
    EXPECT_EQ(b.find(start, BusDirection::Write, 0), start + 4 + 2);
}

TEST(DataBus, ReadWaitsForTheTurnaroundOfItsRankOnly) {
    DataBus b = bus();
    b.insert(start, BusDirection::Write, 0);
    EXPECT_EQ(b.find(start, BusDirection::Read, 0), start + 4 + 12 + 22);
    EXPECT_EQ(b.find(start, BusDirection::Read, 1), start + 4 + 4 + 22);
    EXPECT_EQ(b.find(start, BusDirection::Read, 4), start + 4 + 2);
}

TEST(DataBus, LateTransferGoesWhereBothSidesLeaveRoom) {
    DataBus b = bus();
    b.insert(start, BusDirection::Read, 0);
    b.insert(start + 100, BusDirection::Read, 0);
    EXPECT_EQ(b.find(start + 96, BusDirection::Read, 1), start + 96);
    EXPECT_EQ(b.find(start + 97, BusDirection::Read, 1), start + 104);
    // A write needs its turnaround before the later read.
    EXPECT_EQ(b.find(start + 62, BusDirection::Write, 0), start + 62);
    EXPECT_EQ(b.find(start + 63, BusDirection::Write, 0), start + 106);
}

/// The same by trying every moment that may be the first.
class PlainBus {
public:
    struct Transfer {
        std::uint64_t time;
        BusDirection direction;
        std::uint8_t group;
    };
    explicit PlainBus(const DramTiming& timing) : m_t(timing) {}
    [[nodiscard]] std::uint64_t find(std::uint64_t earliest, BusDirection direction,
                                     std::uint8_t group) const {
        std::vector<std::uint64_t> moments{earliest};
        for (const Transfer& one : m_all)
            moments.push_back(std::max(earliest, one.time + distance(one, {0, direction, group})));
        std::ranges::sort(moments);
        return *std::ranges::find_if(moments, [&](std::uint64_t time) {
            const Transfer mine{time, direction, group};
            return std::ranges::all_of(m_all, [&](const Transfer& one) {
                return one.time + distance(one, mine) <= time || time + distance(mine, one) <= one.time;
            });
        });
    }
    void insert(const Transfer& one) { m_all.push_back(one); }

private:
    [[nodiscard]] std::uint64_t distance(const Transfer& first, const Transfer& second) const {
        const bool same_rank = first.group / 4 == second.group / 4, same_group = first.group == second.group;
        const std::uint64_t burst = m_t.burst.value();
        if (!same_rank) return burst + m_t.t_rtrs.value();
        if (first.direction == BusDirection::Read && second.direction == BusDirection::Write)
            return burst + m_t.t_rtrs.value();
        if (first.direction == BusDirection::Write && second.direction == BusDirection::Read)
            return burst + (same_group ? m_t.t_wtr_l : m_t.t_wtr_s).value() + m_t.t_cl.value();
        if (!same_group) return std::max(burst, m_t.t_ccd_s.value());
        return (first.direction == BusDirection::Read ? m_t.t_ccd_l : m_t.t_ccd_l_wr).value();
    }
    DramTiming m_t;
    std::vector<Transfer> m_all;
};

class DataBusSearch : public testing::TestWithParam<DramStandard> {};

TEST_P(DataBusSearch, FindsTheFirstMomentThatThereIs) {
    const DramTiming t = DramTiming::make(GetParam(), {}, GetParam() == DramStandard::Ddr5_4800 ? 4 : 8);
    Rng rng(11, "bus");
    for (int round = 0; round < 40; ++round) {
        DataBus fast(t, 2, 4);
        PlainBus plain(t);
        for (int i = 0; i < 200; ++i) {
            // From idle to more than the bus can carry.
            const std::uint64_t earliest = start + rng.below(100 + static_cast<std::uint64_t>(round) * 48);
            const auto direction = rng.below(3) == 0 ? BusDirection::Write : BusDirection::Read;
            const auto group = static_cast<std::uint8_t>(rng.below(round % 2 == 0 ? 4 : 8));
            const std::uint64_t time = fast.find(earliest, direction, group);
            ASSERT_EQ(time, plain.find(earliest, direction, group))
                << "round " << round << ", transfer " << i;
            fast.insert(time, direction, group);
            plain.insert({time, direction, group});
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Standards, DataBusSearch,
                         testing::Values(DramStandard::Ddr4_2400, DramStandard::Ddr4_3200,
                                         DramStandard::Ddr5_4800));

} // namespace
} // namespace pagewalk::models
