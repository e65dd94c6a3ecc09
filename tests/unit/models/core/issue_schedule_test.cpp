#include "base/rng.h"
#include "models/core/issue_schedule.h"

#include <map>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

std::array<std::uint16_t, uop_class_count> ports(std::uint16_t alu, std::uint16_t load) {
    std::array<std::uint16_t, uop_class_count> result{};
    result[static_cast<std::size_t>(UopClass::IntAlu)] = alu;
    result[static_cast<std::size_t>(UopClass::Load)] = load;
    return result;
}

TEST(IssueSchedule, FillsACyclesPortsBeforeTheNext) {
    IssueSchedule schedule(ports(0b11, 0b100));
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, 5, 0), 5U);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, 5, 0), 5U);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, 5, 0), 6U);
    EXPECT_EQ(schedule.issue(UopClass::Load, 5, 0), 5U);
}

TEST(IssueSchedule, TakesTheHighestPortAndLeavesTheOthers) {
    IssueSchedule schedule(ports(0b11, 0b01));
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, 5, 0), 5U);
    EXPECT_EQ(schedule.issue(UopClass::Load, 5, 0), 5U);
    EXPECT_EQ(schedule.issue(UopClass::Load, 5, 0), 6U);
}

TEST(IssueSchedule, CountsWhatHasNotIssuedYet) {
    IssueSchedule schedule(ports(0b1, 0b10));
    for (int i = 0; i < 10; ++i) (void)schedule.issue(UopClass::IntAlu, 1, 0); // cycles 1 to 10
    EXPECT_EQ(schedule.waiting_at_most(), 10U);
    EXPECT_EQ(schedule.waiting(0), 10U);
    EXPECT_EQ(schedule.waiting(1), 9U);
    EXPECT_EQ(schedule.next(), 2U);
    EXPECT_EQ(schedule.waiting(9), 1U);
    EXPECT_EQ(schedule.next(), 10U);
    EXPECT_EQ(schedule.waiting(10), 0U);
}

TEST(IssueSchedule, BeyondItsWindowNothingWaitsForAPort) {
    IssueSchedule schedule(ports(0b1, 0b10));
    constexpr std::uint64_t now = 100, end = now + IssueSchedule::window;
    EXPECT_EQ(schedule.waiting(now), 0U);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, end - 1, now), end - 1);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, end - 1, now), end - 1);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, end, now), end);
    EXPECT_EQ(schedule.waiting(now), 1U);
}

TEST(IssueSchedule, ForgetsAllThatIssuedDuringALongSleep) {
    IssueSchedule schedule(ports(0b1, 0b10));
    for (int i = 0; i < 10; ++i) (void)schedule.issue(UopClass::IntAlu, 1, 0);
    constexpr std::uint64_t later = 10 * IssueSchedule::window + 3;
    EXPECT_EQ(schedule.waiting(later), 0U);
    EXPECT_EQ(schedule.issue(UopClass::IntAlu, later + 1, later), later + 1);
}

/// The schedule as a map from cycle to ports taken, searched a cycle at a time.
class PlainSchedule {
public:
    std::uint64_t issue(std::uint16_t ports, std::uint64_t ready, std::uint64_t now) {
        for (std::uint64_t cycle = ready; cycle < now + IssueSchedule::window; ++cycle)
            if (const unsigned free = ports & ~m_taken[cycle]; free != 0) {
                m_taken[cycle] |= std::bit_floor(free);
                return cycle;
            }
        return ready;
    }
    unsigned waiting(std::uint64_t now) {
        unsigned count = 0;
        for (auto at = m_taken.upper_bound(now); at != m_taken.end(); ++at)
            count += static_cast<unsigned>(std::popcount(at->second));
        return count;
    }

private:
    std::map<std::uint64_t, unsigned> m_taken;
};

TEST(IssueSchedule, AgreesWithASearchOfEveryCycle) {
    const std::array<std::uint16_t, 2> masks{0b0111, 0b1100};
    IssueSchedule schedule(ports(masks[0], masks[1]));
    PlainSchedule plain;
    Rng rng(1, "issue");
    std::uint64_t now = 0;
    for (int i = 0; i < 20'000; ++i) {
        const bool load = rng.below(2) == 0;
        // Mostly soon, at times far off, and in bursts for one cycle.
        const std::uint64_t distance = rng.below(50) == 0  ? rng.below(IssueSchedule::window + 100)
                                       : rng.below(3) == 0 ? 300 - now % 300
                                                           : rng.below(40);
        const std::uint64_t ready = now + 1 + distance;
        ASSERT_EQ(schedule.issue(load ? UopClass::Load : UopClass::IntAlu, ready, now),
                  plain.issue(masks[load ? 1 : 0], ready, now))
            << i;
        if (rng.below(3) == 0) now += rng.below(rng.below(100) == 0 ? 5000 : 5);
        if (rng.below(20) == 0) {
            ASSERT_EQ(schedule.waiting(now), plain.waiting(now)) << i;
        }
    }
}

} // namespace
} // namespace pagewalk::models
