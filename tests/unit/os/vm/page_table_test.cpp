#include "os/vm/page_table.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;

struct Tables : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    std::vector<Pfn> freed;

    PteSlot get(VirtAddr at) {
        return rig.at_once([&](Operation& op) { return rig.tables.get(op, *space, at); });
    }
    void free_range(VirtAddr start, VirtAddr end, VirtAddr floor, VirtAddr ceiling) {
        rig.at_once(
            [&](Operation& op) { rig.tables.free_range(op, *space, start, end, floor, ceiling, freed); });
    }
};

TEST_F(Tables, AreAddedOnDemandDownToTheEntry) {
    EXPECT_FALSE(rig.tables.find(*space, page(5)));
    const PteSlot slot = get(page(5));
    ASSERT_TRUE(slot);
    EXPECT_EQ(space->table_pages, 3U);
    EXPECT_EQ(slot.address(), address_of(slot.table) + 5 * sizeof(PageTableEntry));
    EXPECT_EQ(rig.tables.find(*space, page(5)).entry, slot.entry);
    (void)get(page(511));
    EXPECT_EQ(space->table_pages, 3U);
    (void)get(page(512)); // the next level-1 table
    EXPECT_EQ(space->table_pages, 4U);
}

TEST_F(Tables, ShareTheKernelsHalf) {
    rig.table_memory.table(rig.addresses.root)[300] = PageTableEntry(Pfn(9), PageTableEntry::Present);
    const auto later = rig.new_space();
    EXPECT_EQ(rig.table_memory.table(later->root)[300].frame(), Pfn(9));
    EXPECT_TRUE(rig.table_memory.table(later->root)[0].empty());
}

TEST_F(Tables, AreVisitedWithoutThoseThatAreAbsent) {
    *get(page(0)).entry = PageTableEntry(Pfn(7), PageTableEntry::Present);
    *get(page(1'000'000)).entry = PageTableEntry(Pfn(8), PageTableEntry::Present);
    std::vector<std::pair<VirtAddr, Pfn>> seen;
    rig.tables.for_each(*space, page(0), page(2'000'000),
                        [&](VirtAddr at, PteSlot slot) { seen.emplace_back(at, slot.entry->frame()); });
    EXPECT_EQ(seen, (std::vector<std::pair<VirtAddr, Pfn>>{{page(0), Pfn(7)}, {page(1'000'000), Pfn(8)}}));
}

TEST_F(Tables, StayWhereANeighbourUsesThem) {
    (void)get(page(0));
    free_range(page(0), page(1), VirtAddr{}, page(2));
    EXPECT_TRUE(freed.empty());
    free_range(page(0), page(1), VirtAddr{}, page(512)); // the level-1 table is nobody else's
    EXPECT_EQ(freed.size(), 1U);
    free_range(page(0), page(1), VirtAddr{}, VirtAddr{});
    EXPECT_EQ(freed.size(), 3U);
    EXPECT_EQ(space->table_pages, 0U);
}

TEST_F(Tables, ThatAreFreedCanBeWalkedUntilThePathHasRun) {
    (void)get(page(0));
    const Pfn leaf = rig.tables.find(*space, page(0)).table;
    KernelPath path;
    PathLog log;
    Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log};
    rig.tables.free_range(op, *space, page(0), page(1), VirtAddr{}, VirtAddr{}, freed);
    EXPECT_NE(rig.table_memory.find(leaf), nullptr);
    rig.tables.remove_dead_tables(log);
    EXPECT_EQ(rig.table_memory.find(leaf), nullptr);
}

TEST_F(Tables, AreAddedOnceByTwoThatWaitedForMemory) {
    rig.use_up_memory();
    PteSlot first, second;
    rig.run(cpu0, [&](Operation& op) { first = rig.tables.get(op, *space, page(0)); });
    rig.run(cpu1, [&](Operation& op) { second = rig.tables.get(op, *space, page(0)); });
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    rig.give_back_memory(1000);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(first.entry, second.entry);
    EXPECT_EQ(space->table_pages, 3U);
    EXPECT_EQ(rig.counters.nr_page_table_pages, 2U); // that of 512 GiB is not counted
}

} // namespace
} // namespace pagewalk::os
