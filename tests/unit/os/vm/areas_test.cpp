#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

struct Areas : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    void protect(std::uint64_t first, std::uint64_t pages, std::uint32_t access) {
        rig.at_once(
            [&](Operation& op) { rig.vm.protect(op, *space, page(first), pages * page_size, access); });
    }
    void remap(std::uint64_t first, std::uint64_t pages, std::uint64_t new_pages, VirtAddr to) {
        rig.at_once([&](Operation& op) {
            rig.vm.remap(op, *space, page(first), pages * page_size, new_pages * page_size, to);
        });
    }
    void set_break(std::uint64_t at) {
        rig.at_once([&](Operation& op) { rig.vm.set_break(op, *space, VirtAddr(at)); });
    }
    [[nodiscard]] std::vector<std::uint64_t> sizes() const {
        std::vector<std::uint64_t> pages;
        for (const Vma& area : space->areas) pages.push_back(area.pages());
        return pages;
    }
    using Sizes = std::vector<std::uint64_t>;
};

TEST_F(Areas, MergeWithBothNeighboursThatTheyFill) {
    rig.map_anonymous(*space, page(0), 4);
    rig.map_anonymous(*space, page(8), 4);
    EXPECT_EQ(sizes(), (Sizes{4, 4}));
    rig.map_anonymous(*space, page(4), 4);
    EXPECT_EQ(sizes(), Sizes{12});
    EXPECT_EQ(rig.objects.objects(ObjectKind::VmArea), 1U);
}

TEST_F(Areas, AreSplitWhereAMappingIsPutIntoThem) {
    rig.map_anonymous(*space, page(0), 8);
    rig.map(*space, {.start = page(2), .bytes = 2 * page_size, .flags = vm::read});
    EXPECT_EQ(sizes(), (Sizes{2, 2, 4}));
    EXPECT_EQ(space->areas[2].page_offset, vpn_of(page(4)).value());
}

TEST_F(Areas, OfDifferentRightsAreApartUntilTheRightsAreTheSame) {
    rig.map_anonymous(*space, page(0), 9);
    protect(3, 3, vm::read);
    EXPECT_EQ(sizes(), (Sizes{3, 3, 3}));
    protect(3, 3, vm::read | vm::write);
    EXPECT_EQ(sizes(), Sizes{9});
}

TEST_F(Areas, WithPagesOfTheirOwnTakeInOneWithout) {
    rig.map_anonymous(*space, page(0), 8);
    protect(4, 4, vm::read);
    rig.touch(*space, page(0));
    protect(4, 4, vm::read | vm::write);
    EXPECT_EQ(sizes(), Sizes{8});
}

TEST_F(Areas, WithPagesOfTheirOwnDoNotJoinOneWithout) {
    rig.map_anonymous(*space, page(0), 8);
    protect(4, 4, vm::read);
    rig.touch(*space, page(0));
    protect(0, 4, vm::read); // is_mergeable_anon_vma: the neighbour's chain is empty
    EXPECT_EQ(sizes(), (Sizes{4, 4}));
}

TEST_F(Areas, ThatAreNewJoinWhatFollowsWhereTheNeighboursCannotBeOne) {
    rig.map_anonymous(*space, page(0), 4);
    rig.map_anonymous(*space, page(8), 4);
    rig.touch(*space, page(0));
    rig.touch(*space, page(8));
    rig.map_anonymous(*space, page(4), 4);
    EXPECT_EQ(sizes(), (Sizes{4, 8}));
}

TEST_F(Areas, ThatLoseWriteAccessLoseItInTheirEntriesToo) {
    rig.map_anonymous(*space, page(0), 2);
    rig.touch(*space, page(0));
    rig.touch(*space, page(1));
    const std::uint64_t flushes = rig.counters.tlb_flushes;
    protect(0, 1, vm::read);
    EXPECT_FALSE(rig.entry(*space, page(0)).has(PageTableEntry::Writable));
    EXPECT_TRUE(rig.entry(*space, page(1)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.counters.tlb_flushes, flushes + 1);
}

TEST_F(Areas, ThatMoveTakeTheirPagesWithThem) {
    rig.map_anonymous(*space, page(0), 2);
    rig.touch(*space, page(1));
    const Pfn frame = rig.entry(*space, page(1)).frame();
    remap(0, 2, 4, page(1000));
    EXPECT_EQ(sizes(), Sizes{4});
    EXPECT_EQ(rig.entry(*space, page(1001)).frame(), frame);
    EXPECT_TRUE(rig.entry(*space, page(1)).empty());
    EXPECT_EQ(space->anon_pages, 1U);
}

TEST_F(Areas, MayStayWithoutTheirPagesWhenTheyMove) {
    rig.map_anonymous(*space, page(0), 2);
    rig.touch(*space, page(1));
    const Pfn frame = rig.entry(*space, page(1)).frame();
    rig.at_once([&](Operation& op) {
        rig.vm.remap(op, *space, page(0), 2 * page_size, 2 * page_size, page(1000),
                     VirtualMemory::OldMapping::Stays);
    });
    EXPECT_EQ(sizes(), (Sizes{2, 2}));
    EXPECT_EQ(rig.entry(*space, page(1001)).frame(), frame);
    EXPECT_TRUE(rig.entry(*space, page(1)).empty());
    EXPECT_EQ(space->areas[0].anon, no_anon_vma); // as a new one
}

TEST_F(Areas, GrowAndShrinkWhereTheyAre) {
    rig.map_anonymous(*space, page(0), 4);
    remap(0, 4, 6, page(0));
    EXPECT_EQ(sizes(), Sizes{6});
    remap(0, 6, 1, page(0));
    EXPECT_EQ(sizes(), Sizes{1});
}

TEST_F(Areas, OfTheHeapFollowTheBreakPageByPage) {
    set_break(0x1000000);
    EXPECT_TRUE(space->areas.empty());
    set_break(0x1000001);
    EXPECT_EQ(sizes(), Sizes{1});
    set_break(0x1001000);
    EXPECT_EQ(sizes(), Sizes{1});
    set_break(0x1003800);
    EXPECT_EQ(sizes(), Sizes{4});
    set_break(0x1000000);
    EXPECT_TRUE(space->areas.empty());
}

TEST_F(Areas, TakeTreeNodesAsTheyBecomeMany) {
    for (std::uint64_t i = 0; i < 7; ++i) rig.map_anonymous(*space, page(2 * i), 1);
    EXPECT_EQ(space->tree_nodes.size(), 1U); // 15 ranges of 16
    rig.map_anonymous(*space, page(20), 1);
    EXPECT_EQ(space->tree_nodes.size(), 3U); // two leaves and a node above
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 30 * page_size); });
    EXPECT_TRUE(space->tree_nodes.empty());
    EXPECT_EQ(rig.objects.objects(ObjectKind::MapleNode), 0U);
}

TEST_F(Areas, OfFilesKeepTheFilesInUse) {
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    rig.map(*space, {.start = page(0), .bytes = 4 * page_size, .flags = vm::read, .inode = file});
    EXPECT_EQ(rig.files.at(file).users, 2U);
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(1), page_size); });
    EXPECT_EQ(rig.files.at(file).users, 3U); // two pieces
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 4 * page_size); });
    EXPECT_EQ(rig.files.at(file).users, 1U);
}

} // namespace
} // namespace pagewalk::os
