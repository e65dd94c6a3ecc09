#include "models/memory/slot_calendar.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// Uses at least 2500 ticks apart: slots of 2048.
constexpr std::uint64_t slot = 2048;

/// Times of the uses in the 64 slots from `first` on.
std::vector<std::int64_t> times(const SlotCalendar<1>& calendar, std::uint64_t first) {
    std::vector<std::int64_t> found;
    for (std::uint64_t i = 0; i < 64; ++i)
        if ((calendar.taken(0, first) >> i & 1) != 0) found.push_back(calendar.use(first + i).time);
    return found;
}

TEST(SlotCalendar, KeepsExactTimesAndTagsInOrder) {
    SlotCalendar<1> calendar(2500);
    calendar.insert(0, 13'001, 2);
    calendar.insert(0, 10'001, 7);
    EXPECT_EQ(times(calendar, 0), (std::vector<std::int64_t>{10'001, 13'001}));
    EXPECT_EQ(calendar.taken(0, 5), 2U);
    EXPECT_EQ(calendar.use(calendar.slot_of(10'001)).tag, 7);
}

TEST(SlotCalendar, KeepsKindsApart) {
    SlotCalendar<2> calendar(2500);
    calendar.insert(1, 10'000, 0);
    EXPECT_EQ(calendar.taken(0, 0), 0U);
    EXPECT_EQ(calendar.taken(1, 4), 1U);
}

TEST(SlotCalendar, LooksAcrossItsWords) {
    SlotCalendar<1> calendar(2500);
    for (const std::uint64_t s : {63, 64, 100}) calendar.insert(0, s * slot, 0);
    EXPECT_EQ(calendar.taken(0, 60), 1ULL << 3 | 1ULL << 4 | 1ULL << 40);
    EXPECT_EQ(calendar.taken(0, 64), 1ULL | 1ULL << 36);
    EXPECT_EQ(calendar.last_slot(), 127U);
}

TEST(SlotCalendar, ForgetsWhatTheRingNoLongerReaches) {
    SlotCalendar<1> calendar(2500);
    calendar.insert(0, 10'000, 0);
    calendar.insert(0, 10'000 + 1024 * slot, 0);
    EXPECT_EQ(calendar.taken(0, 0), 0U);
    // What comes too late takes no newer use's place.
    calendar.insert(0, 10'001, 0);
    EXPECT_EQ(times(calendar, 1024), (std::vector<std::int64_t>{10'000 + 1024 * slot}));
}

TEST(SlotCalendar, SkipsWhatIsMarkedFullToTheTick) {
    SlotCalendar<1> calendar(2500);
    calendar.insert(0, 500 * slot, 0);
    calendar.mark_full(0, 100 * slot - 5, 300 * slot + 7);
    EXPECT_EQ(calendar.skip_full(0, 100 * slot - 6), 100 * slot - 6);
    EXPECT_EQ(calendar.skip_full(0, 100 * slot - 5), 300 * slot + 7);
    EXPECT_EQ(calendar.skip_full(0, 300 * slot + 7), 300 * slot + 7);
    // An older span is remembered by whole slots.
    calendar.mark_full(0, 400 * slot, 401 * slot);
    EXPECT_EQ(calendar.skip_full(0, 100 * slot - 5), 100 * slot - 5);
    EXPECT_EQ(calendar.skip_full(0, 200 * slot + 9), 300 * slot);
}

TEST(SlotCalendar, LengthensTheLatestFullSpanOnlyWhereItTouches) {
    SlotCalendar<1> calendar(2500);
    calendar.insert(0, 500 * slot, 0);
    calendar.mark_full(0, 100 * slot, 110 * slot);
    calendar.lengthen_full(0, 110 * slot + 1, 120 * slot);
    EXPECT_EQ(calendar.skip_full(0, 105 * slot), 110 * slot);
    calendar.lengthen_full(0, 110 * slot, 120 * slot);
    EXPECT_EQ(calendar.skip_full(0, 105 * slot), 120 * slot);
}

TEST(SlotCalendar, TimeBeforeTheRingIsFreeUnlessTheRingBeginsFull) {
    SlotCalendar<1> idle(2500);
    idle.insert(0, 5000 * slot, 0);
    EXPECT_EQ(idle.skip_full(0, 10), 10U);
    SlotCalendar<1> saturated(2500);
    for (std::uint64_t s = 1000; s < 5000; s += 100) {
        saturated.insert(0, (s + 100) * slot, 0);
        saturated.mark_full(0, s * slot, (s + 100) * slot);
    }
    EXPECT_EQ(saturated.skip_full(0, 2000 * slot), 5000 * slot);
}

} // namespace
} // namespace pagewalk::models
