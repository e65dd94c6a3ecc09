#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::base;
using test::page;
using test::VmRig;

constexpr std::uint64_t huge = HugePages::frames;

struct HugeMappings : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    Pfn head = no_pfn;

    /// Two huge pages.
    void SetUp() override {
        rig.map_anonymous(*space, page(0), 2 * huge);
        rig.touch(*space, page(0));
        rig.touch(*space, page(huge));
        head = leaf(page(0)).frame();
    }
    [[nodiscard]] PageTableEntry leaf(VirtAddr at) {
        const PteSlot slot = rig.tables.find_leaf(*space, at);
        return slot ? *slot.entry : PageTableEntry{};
    }
    void munmap(VirtAddr start, std::uint64_t pages) {
        rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, start, pages * page_size); });
    }
    void protect(VirtAddr start, std::uint64_t pages, std::uint32_t access) {
        rig.at_once([&](Operation& op) { rig.vm.protect(op, *space, start, pages * page_size, access); });
    }
    void discard(VirtAddr start, std::uint64_t pages) {
        rig.at_once([&](Operation& op) { rig.vm.discard(op, *space, start, pages * page_size); });
    }
    void remap(VirtAddr start, std::uint64_t pages, VirtAddr to) {
        rig.at_once([&](Operation& op) {
            rig.vm.remap(op, *space, start, pages * page_size, pages * page_size, to);
        });
    }
};

TEST_F(HugeMappings, AreFreedAsOneBlockWithTheTableKeptForThem) {
    const std::uint64_t freed = rig.counters.pgfree;
    discard(page(0), huge);
    EXPECT_TRUE(leaf(page(0)).empty());
    EXPECT_EQ(rig.counters.pgfree - freed, huge + 1);
    EXPECT_EQ(rig.counters.nr_anon_thps, 1U);
    EXPECT_EQ(space->anon_pages, huge);
    EXPECT_EQ(rig.counters.nr_lru_anon, huge);
    EXPECT_EQ(rig.counters.thp_split_pmd, 0U);
}

TEST_F(HugeMappings, SplitWhereAPartIsUnmapped) {
    munmap(page(7), 1);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 1U);
    EXPECT_EQ(rig.counters.thp_split_page, 0U); // the page itself stays one
    EXPECT_EQ(rig.counters.nr_anon_thps, 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 2 * huge - 1);
    EXPECT_EQ(rig.entry(*space, page(8)).frame(), head + 8);
    EXPECT_FALSE(rig.vm.huge_pages().deferred().empty());
}

TEST_F(HugeMappings, GoWholeWhenTheirLastPartIsUnmapped) {
    munmap(page(0), 1);
    const std::uint64_t freed = rig.counters.pgfree;
    munmap(page(1), huge - 1);
    EXPECT_GE(rig.counters.pgfree - freed, huge);
    EXPECT_TRUE(rig.vm.huge_pages().deferred().empty());
    EXPECT_EQ(rig.counters.nr_anon_pages, huge);
    EXPECT_EQ(rig.frames.pages().peek(head + 9).owner_flags, 0U);
}

TEST_F(HugeMappings, SplitWhereAPartIsProtected) {
    protect(page(0), 16, vm::read);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 0U); // all of it is still mapped
    EXPECT_FALSE(rig.entry(*space, page(15)).has(PageTableEntry::Writable));
    EXPECT_TRUE(rig.entry(*space, page(16)).has(PageTableEntry::Writable));
    protect(page(0), 16, vm::read | vm::write);
    EXPECT_TRUE(rig.entry(*space, page(15)).has(PageTableEntry::Writable)); // its owner is alone
}

TEST_F(HugeMappings, AreProtectedAsAWhole) {
    protect(page(0), huge, vm::read);
    EXPECT_EQ(rig.counters.thp_split_pmd, 0U);
    EXPECT_FALSE(leaf(page(0)).has(PageTableEntry::Writable));
    protect(page(0), huge, 0);
    EXPECT_FALSE(leaf(page(0)).present());
    protect(page(0), huge, vm::read | vm::write);
    EXPECT_TRUE(leaf(page(0)).present());
    EXPECT_EQ(rig.touch(*space, page(0)).kind, FaultKind::HugeReuse);
    EXPECT_EQ(leaf(page(0)).frame(), head);
}

TEST_F(HugeMappings, MoveAsTheyAreToAnAlignedPlace) {
    remap(page(0), huge, base + (1ULL << 30));
    const PageTableEntry entry = leaf(base + (1ULL << 30));
    EXPECT_TRUE(entry.has(PageTableEntry::Huge));
    EXPECT_EQ(entry.frame(), head);
    EXPECT_EQ(rig.tables.deposited().count(), 2U);
    munmap(base + (1ULL << 30), huge); // with its table, which has moved too
    EXPECT_EQ(rig.tables.deposited().count(), 1U);
}

TEST_F(HugeMappings, SplitOnTheWayToAPlaceThatIsNot) {
    remap(page(0), huge, base + (1ULL << 30) + page_size);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_EQ(rig.entry(*space, base + (1ULL << 30) + 5 * page_size).frame(), head + 4);
}

TEST_F(HugeMappings, AreGivenUpWhole) {
    rig.at_once([&](Operation& op) { rig.vm.mark_free(op, *space, page(0), HugePages::bytes); });
    EXPECT_FALSE(leaf(page(0)).has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.counters.pglazyfree, huge);
    EXPECT_EQ(rig.counters.nr_lru_file, huge);
}

TEST_F(HugeMappings, AreSplitIntoPagesWhereAPartIsGivenUp) {
    rig.at_once([&](Operation& op) { rig.vm.mark_free(op, *space, page(0), 16 * page_size); });
    EXPECT_EQ(rig.counters.thp_split_page, 1U);
    EXPECT_EQ(rig.counters.thp_split_pmd, 1U);
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 1U);
    EXPECT_FALSE(rig.vm.huge_pages().is_part(head + 3));
    EXPECT_EQ(rig.frames.pages().peek(head + 3).refcount, 1U); // its entry's
    EXPECT_EQ(rig.entry(*space, page(20)).frame(), head + 20);
}

TEST_F(HugeMappings, SplitPagesLoseTheFramesThatNothingMaps) {
    munmap(page(7), 1);
    const std::uint64_t freed = rig.counters.pgfree;
    EXPECT_TRUE(rig.at_once([&](Operation& op) { return rig.vm.split_huge_page(op, head + 100); }));
    EXPECT_EQ(rig.counters.pgfree - freed, 1U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 2 * huge - 1);
    EXPECT_TRUE(rig.vm.huge_pages().deferred().empty());
    munmap(page(0), 7);
    munmap(page(8), huge - 8);
    EXPECT_EQ(rig.counters.nr_anon_pages, huge);
}

TEST_F(HugeMappings, ArePinnedByOtherReferences) {
    ++rig.frames.pages().at(head).refcount;
    EXPECT_FALSE(rig.at_once([&](Operation& op) { return rig.vm.split_huge_page(op, head); }));
    EXPECT_EQ(rig.counters.thp_split_page_failed, 1U);
    --rig.frames.pages().at(head).refcount;
}

TEST_F(HugeMappings, AreSharedWithAChild) {
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(child->anon_pages, 2 * huge);
    EXPECT_EQ(child->table_pages, 4U);
    EXPECT_EQ(rig.vm.huge_pages().whole_mappings(head), 2U);
    EXPECT_FALSE(leaf(page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.counters.nr_anon_pages, 2 * huge);
    EXPECT_EQ(rig.counters.nr_anon_thps, 2U);
    rig.at_once([&](Operation& op) { rig.vm.drop_user(op, *child); });
    EXPECT_EQ(rig.vm.huge_pages().references(head), 1U);
}

TEST_F(HugeMappings, AreLockedWhole) {
    rig.at_once([&](Operation& op) { rig.vm.advise(op, *space, page(0), page(huge), vm::locked, 0); });
    EXPECT_EQ(rig.counters.nr_mlock, huge);
    EXPECT_EQ(rig.counters.nr_unevictable, huge);
    rig.at_once([&](Operation& op) { rig.vm.advise(op, *space, page(0), page(huge), 0, vm::locked); });
    EXPECT_EQ(rig.counters.nr_mlock, 0U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 2 * huge);
}

} // namespace
} // namespace pagewalk::os
