#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

struct Fork : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> parent = rig.new_space();

    std::shared_ptr<AddressSpace> fork() {
        return rig.at_once([&](Operation& op) { return rig.vm.fork(op, *parent); });
    }
};

TEST_F(Fork, SharesPrivatePagesWriteProtected) {
    rig.map_anonymous(*parent, page(0), 4);
    rig.touch(*parent, page(0));
    const Pfn frame = rig.entry(*parent, page(0)).frame();
    const auto child = fork();
    EXPECT_EQ(rig.entry(*child, page(0)).frame(), frame);
    EXPECT_FALSE(rig.entry(*child, page(0)).has(PageTableEntry::Writable));
    EXPECT_FALSE(rig.entry(*parent, page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.frames.pages().peek(frame).mapcount, 2U);
    EXPECT_EQ(child->anon_pages, 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
}

TEST_F(Fork, LeavesFilePagesToTheChildsOwnFaults) {
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    rig.map(*parent, {.start = page(0), .bytes = 4 * page_size, .flags = vm::read, .inode = file});
    VirtualMemory::FaultResult result = VmRig::not_yet;
    rig.run(test::cpu0, rig.fault(*parent, page(0), result, FaultAccess::Read));
    rig.complete(0);
    rig.pick(test::cpu0);
    ASSERT_TRUE(rig.entry(*parent, page(0)).present());
    const auto child = fork();
    EXPECT_TRUE(rig.entry(*child, page(0)).empty());
    EXPECT_EQ(child->areas.size(), 1U);
    EXPECT_EQ(child->table_pages, 0U);
}

TEST_F(Fork, FlushesTheParentsTranslations) {
    rig.map_anonymous(*parent, page(0), 1);
    const std::uint64_t generation = parent->tlb_generation;
    (void)fork();
    EXPECT_EQ(parent->tlb_generation, generation + 1);
}

TEST_F(Fork, CopiesTheBreak) {
    rig.at_once([&](Operation& op) { rig.vm.set_break(op, *parent, VirtAddr(0x1000000)); });
    EXPECT_EQ(fork()->brk, VirtAddr(0x1000000));
}

TEST_F(Fork, LeavesNothingBehindWhereMemoryRunsOut) {
    rig.allocator->set_reclaimer(nullptr);
    rig.map(*parent, {.start = page(0), // 40 level-1 tables
                      .bytes = 40 * HugePages::bytes,
                      .flags = vm::read | vm::write | vm::account | vm::no_huge_page});
    for (std::uint64_t i = 0; i < 40; ++i) rig.touch(*parent, page(512 * i));
    rig.use_up_memory();
    rig.use_up_reserves();
    for (int i = 0; i < 20; ++i, rig.taken.pop_back())
        (void)rig.allocator->free(rig.taken.back(), 0, test::cpu0);
    const std::uint64_t tables = rig.counters.nr_page_table_pages;
    const auto child = fork();
    EXPECT_EQ(child, nullptr);
    EXPECT_EQ(rig.counters.nr_page_table_pages, tables);
    EXPECT_EQ(rig.objects.objects(ObjectKind::Mm), 1U);
    EXPECT_EQ(rig.objects.objects(ObjectKind::VmArea), 1U);
}

} // namespace
} // namespace pagewalk::os
