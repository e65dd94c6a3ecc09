#include "os/reclaim/swap_area.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

std::uint32_t number(std::optional<SwapSlot> slot) { return static_cast<std::uint32_t>(slot.value()); }

/// A slot that a page table refers to and the cache does not.
SwapSlot swapped_out(SwapArea& area) {
    const SwapSlot slot = *area.take();
    area.duplicate(slot);
    area.leave_cache(slot);
    return slot;
}

TEST(SwapArea, LeavesTheHeaderAloneAndGivesSlotsOutInARow) {
    SwapArea area(1024);
    EXPECT_EQ(area.total(), 1023U);
    for (std::uint32_t slot = 1; slot < 600; ++slot) ASSERT_EQ(number(area.take()), slot);
    EXPECT_EQ(area.free(), 1023U - 599);
}

TEST(SwapArea, KeepsToItsRunBeforeItUsesFreedSlots) {
    SwapArea area(1024);
    for (int i = 0; i < 100; ++i) (void)swapped_out(area);
    EXPECT_EQ(area.drop(SwapSlot{10}), 0U);
    EXPECT_EQ(number(area.take()), 101U);
    for (std::uint32_t slot = 102; slot <= 256; ++slot) ASSERT_EQ(number(area.take()), slot);
    EXPECT_EQ(number(area.take()), 257U); // the next run of 256 free ones, not the hole at 10
}

TEST(SwapArea, UsesHolesWhereThereIsNoRunLeft) {
    SwapArea area(300);
    for (int i = 0; i < 299; ++i) (void)swapped_out(area);
    EXPECT_FALSE(area.take().has_value());
    area.drop(SwapSlot{7});
    area.drop(SwapSlot{200});
    EXPECT_EQ(number(area.take()), 7U);
    EXPECT_EQ(number(area.take()), 200U);
    EXPECT_FALSE(area.take().has_value());
}

TEST(SwapArea, KeepsASlotWhileAnEntryOrTheCacheNeedsIt) {
    SwapArea area(64);
    const SwapSlot slot = *area.take();
    area.duplicate(slot);
    area.duplicate(slot);
    area.leave_cache(slot);
    EXPECT_EQ(area.references(slot), 2U);
    EXPECT_EQ(area.drop(slot), 1U);
    area.enter_cache(slot);
    EXPECT_EQ(area.drop(slot), 0U);
    EXPECT_TRUE(area.in_use(slot));
    area.leave_cache(slot);
    EXPECT_FALSE(area.in_use(slot));
    EXPECT_EQ(area.free(), area.total());
}

TEST(SwapArea, OfNoPagesGivesNothing) {
    SwapArea area(0);
    EXPECT_EQ(area.total(), 0U);
    EXPECT_FALSE(area.take().has_value());
}

} // namespace
} // namespace pagewalk::os
