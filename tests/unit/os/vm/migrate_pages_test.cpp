#include "os/vm/migrate_pages.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

constexpr NodeId node0{0};
constexpr NodeId node1{1};
constexpr std::uint64_t huge = HugePages::frames;

/// Two nodes; what the tests touch comes from node 0.
struct MigratedPages : testing::Test {
    VmRig rig{FileCache::Cold, {}, PageTableKind::Radix, {64ULL << 20, 64ULL << 20}};
    std::shared_ptr<AddressSpace> space = rig.new_space();
    NodeMigrator migrator{rig.vm, rig.frames, rig.counters};

    void map(std::uint64_t pages, std::uint32_t flags = vm::no_huge_page) {
        rig.map(*space,
                {.start = page(0), .bytes = pages * page_size, .flags = vm::read | vm::write | flags});
    }
    PageMove move(std::uint64_t number, NodeId node = node1, MovedPages which = MovedPages::Own) {
        return rig.at_once([&](Operation& op) {
            rig.vm.drain_lru_batches(op);
            return migrator.move(op, *space, page(number), node, which);
        });
    }
    [[nodiscard]] std::uint64_t free_pages(NodeId node) const {
        std::uint64_t sum = 0;
        for (const auto& zone : rig.allocator->zones())
            if (zone->node == node)
                sum += static_cast<std::uint64_t>(zone->exact_free_pages()) + zone->pcp_pages();
        return sum;
    }
    /// Takes all of a node's memory.
    void use_up(NodeId node) {
        while (rig.allocator->allocate(
            {.mask = gfp::highuser_movable.without(gfp::reclaim) | gfp::thisnode, .preferred = node})) {
        }
    }
};

TEST_F(MigratedPages, AreOnTheOtherNodeWithTheirStatesAndTheirOldFramesAreFree) {
    map(4);
    rig.touch(*space, page(2));
    const PageTableEntry before = rig.entry(*space, page(2));
    ASSERT_EQ(migrator.node_of(*space, page(2)), node0);
    const std::uint64_t free0 = free_pages(node0), free1 = free_pages(node1);
    EXPECT_EQ(move(2), PageMove::Moved);
    EXPECT_EQ(migrator.node_of(*space, page(2)), node1);
    const PageTableEntry after = rig.entry(*space, page(2));
    EXPECT_EQ(after.raw() - PageTableEntry(after.frame(), 0).raw(),
              before.raw() - PageTableEntry(before.frame(), 0).raw());
    EXPECT_EQ(free_pages(node0), free0 + 1);
    EXPECT_EQ(free_pages(node1), free1 - 1);
    EXPECT_EQ(rig.counters.pgmigrate_success, 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
    EXPECT_EQ(move(2), PageMove::There);
    EXPECT_EQ(move(2, node0), PageMove::Moved);
    EXPECT_EQ(migrator.node_of(*space, page(2)), node0);
}

TEST_F(MigratedPages, AreThoseThatAreThere) {
    map(4);
    EXPECT_EQ(move(0), PageMove::Absent);
    rig.touch(*space, page(1), FaultAccess::Read);
    EXPECT_EQ(move(1), PageMove::ZeroPage);
    EXPECT_FALSE(migrator.node_of(*space, page(1)).has_value());
    EXPECT_EQ(move(100), PageMove::Absent);
    EXPECT_EQ(rig.counters.pgmigrate_success + rig.counters.pgmigrate_fail, 0U);
}

TEST_F(MigratedPages, OfSeveralProcessesMoveForAllOfThemWhereAllMayMove) {
    map(1);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(move(0), PageMove::Shared);
    EXPECT_EQ(move(0, node1, MovedPages::All), PageMove::Moved);
    EXPECT_EQ(migrator.node_of(*space, page(0)), node1);
    EXPECT_EQ(rig.entry(*child, page(0)).frame(), rig.entry(*space, page(0)).frame());
}

TEST_F(MigratedPages, StayWhereSomebodyHoldsOnToThem) {
    map(1);
    rig.touch(*space, page(0));
    const Pfn frame = rig.entry(*space, page(0)).frame();
    rig.at_once([&](Operation& op) { rig.vm.drain_lru_batches(op); });
    ++rig.frames.pages().at(frame).refcount;
    const std::uint64_t free1 = free_pages(node1);
    EXPECT_EQ(move(0), PageMove::Busy);
    EXPECT_EQ(rig.entry(*space, page(0)).frame(), frame);
    EXPECT_EQ(free_pages(node1), free1);
    EXPECT_EQ(rig.counters.pgmigrate_fail, 1U);
    EXPECT_TRUE(rig.frames.pages().peek(frame).is(PageState::Lru));
}

TEST_F(MigratedPages, StayWhereTheNodeHasNoMemory) {
    map(1);
    rig.touch(*space, page(0));
    use_up(node1);
    EXPECT_EQ(move(0), PageMove::NoMemory);
    EXPECT_EQ(migrator.node_of(*space, page(0)), node0);
    EXPECT_TRUE(rig.frames.pages().peek(rig.entry(*space, page(0)).frame()).is(PageState::Lru));
}

TEST_F(MigratedPages, StayHugeWhereTheNodeHasABlock) {
    map(huge, vm::huge_page);
    ASSERT_EQ(rig.touch(*space, page(7)).kind, FaultKind::HugeWrite);
    std::vector<Pfn> copied;
    rig.vm.on_copy([&](Pfn, Pfn to) { copied.push_back(to); });
    EXPECT_EQ(move(7), PageMove::Moved);
    const PteSlot slot = rig.tables.find_huge(*space, page(0));
    ASSERT_TRUE(static_cast<bool>(slot));
    const Pfn head = slot.entry->frame();
    EXPECT_EQ(migrator.node_of(*space, page(0)), node1);
    EXPECT_EQ(copied.size(), huge);
    EXPECT_EQ(copied.front(), head);
    EXPECT_EQ(rig.vm.huge_pages().whole_mappings(head), 1U);
    EXPECT_EQ(rig.vm.huge_pages().references(head), 1U);
    EXPECT_EQ(rig.counters.nr_anon_thps, 1U);
    EXPECT_EQ(rig.counters.nr_lru_anon, huge);
    EXPECT_EQ(rig.counters.pgmigrate_success, huge);
    EXPECT_EQ(move(7, node0), PageMove::Moved); // it can be found by its rmap
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), huge * page_size); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
}

TEST_F(MigratedPages, AreSplitWhereTheNodeHasNoHugeBlock) {
    map(huge, vm::huge_page);
    rig.touch(*space, page(0));
    std::vector<Pfn> blocks;
    while (const auto block =
               rig.allocator->allocate({.mask = gfp::transhuge_light.without(gfp::comp) | gfp::thisnode,
                                        .order = HugePages::order,
                                        .preferred = node1}))
        blocks.push_back(*block);
    for (const Pfn block : {blocks[0], blocks[1]}) { // all but a frame of each are free
        rig.allocator->split(block, HugePages::order);
        for (std::uint64_t i = 1; i < huge; ++i)
            ASSERT_TRUE(rig.allocator->free(block + i, 0, test::cpu0).has_value());
    }
    EXPECT_EQ(move(3), PageMove::Moved);
    EXPECT_FALSE(static_cast<bool>(rig.tables.find_huge(*space, page(0))));
    EXPECT_EQ(migrator.node_of(*space, page(3)), node1);
    EXPECT_EQ(migrator.node_of(*space, page(0)), node1);
}

} // namespace
} // namespace pagewalk::os
