#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

constexpr std::uint64_t huge = HugePages::frames;

struct Collapse : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    void SetUp() override {
        rig.map(
            *space,
            {.start = page(0), .bytes = HugePages::bytes, .flags = vm::read | vm::write | vm::no_huge_page});
    }
    void collapse(VirtAddr start, VirtAddr end) {
        rig.at_once([&](Operation& op) { rig.vm.collapse_range(op, *space, start, end); });
    }
    [[nodiscard]] PteSlot whole() { return rig.tables.find_huge(*space, page(0)); }
};

TEST_F(Collapse, CopiesPagesAndClearsWhereThereAreNone) {
    rig.touch(*space, page(3));
    const std::uint64_t tables = space->table_pages, freed = rig.counters.pgfree;
    collapse(page(0), page(huge));
    ASSERT_TRUE(whole());
    EXPECT_TRUE(whole().entry->has(PageTableEntry::Writable));
    EXPECT_EQ(space->anon_pages, huge);
    EXPECT_EQ(space->table_pages, tables); // the level-1 table is kept for a split
    EXPECT_EQ(rig.tables.deposited().count(), 1U);
    rig.at_once([&](Operation& op) { rig.lru.drain(op); });
    EXPECT_EQ(rig.counters.pgfree - freed, 1U); // the small page, with the batch that it was in
    EXPECT_EQ(rig.counters.nr_lru_anon, huge);
}

TEST_F(Collapse, TakesWholeRangesOnly) {
    rig.touch(*space, page(3));
    collapse(page(1), page(huge));
    collapse(page(0), page(huge - 1));
    EXPECT_FALSE(whole());
    EXPECT_EQ(rig.counters.thp_collapse_alloc, 0U);
}

TEST_F(Collapse, NeedsAPageThatCanBeWritten) {
    rig.touch(*space, page(3), FaultAccess::Read);
    collapse(page(0), page(huge));
    EXPECT_FALSE(whole());
}

TEST_F(Collapse, LeavesPagesThatOthersReferTo) {
    rig.touch(*space, page(3));
    rig.at_once([&](Operation& op) { rig.lru.drain(op); });
    const Pfn frame = rig.entry(*space, page(3)).frame();
    ++rig.frames.pages().at(frame).refcount;
    collapse(page(0), page(huge));
    EXPECT_FALSE(whole());
    --rig.frames.pages().at(frame).refcount;
}

TEST_F(Collapse, PutsAPageTogetherAgainWhoseMappingWasSplit) {
    rig.at_once([&](Operation& op) { rig.vm.advise(op, *space, page(0), page(huge), 0, vm::no_huge_page); });
    rig.touch(*space, page(0));
    const Pfn before = whole().entry->frame();
    rig.at_once([&](Operation& op) { rig.vm.discard(op, *space, page(5), page_size); });
    ASSERT_FALSE(whole());
    collapse(page(0), page(huge));
    ASSERT_TRUE(whole());
    EXPECT_NE(whole().entry->frame(), before);
    EXPECT_EQ(rig.counters.nr_anon_pages, huge);
    EXPECT_TRUE(rig.vm.huge_pages().deferred().empty()); // the old one is free
}

} // namespace
} // namespace pagewalk::os
