#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;

struct AddressSpaces : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    KernelPath path;
    PathLog log;

    /// TLB flushes on the path of a switch to the space on `cpu`.
    std::size_t flushes_of_switch(CpuId cpu, AddressSpace& to) {
        path.clear();
        Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .cpu = cpu};
        rig.vm.activate(op, to);
        return static_cast<std::size_t>(
            std::ranges::count(path.steps(), StepKind::FlushTlb, &KernelStep::kind));
    }
    void drop_user() {
        rig.at_once([&](Operation& op) { rig.vm.drop_user(op, *space); });
    }
};

TEST_F(AddressSpaces, AreLoadedWithTheRightsFilesAndHeapOfTheirImage) {
    std::vector<InitialMapping> image(2);
    image[0] = {.start = page(0), .end = page(4), .readable = true, .executable = true, .file = "/bin/true"};
    image[1] = {.start = page(8), .end = page(9), .readable = true, .writable = true, .heap = true};
    rig.at_once([&](Operation& op) {
        rig.vm.load_arguments(op, *space, image);
        rig.vm.load(op, *space, image);
    });
    ASSERT_EQ(space->areas.size(), 2U);
    EXPECT_EQ(space->areas[0].flags, vm::read | vm::exec);
    EXPECT_EQ(rig.files.at(space->areas[0].inode).path, "/bin/true");
    EXPECT_EQ(rig.files.at(space->areas[0].inode).users, 1U);
    EXPECT_TRUE(space->areas[1].anonymous());
    EXPECT_EQ(space->brk_start, page(8));
    EXPECT_EQ(space->brk, page(9));
}

TEST_F(AddressSpaces, AreLoadedWithoutTheDiskBeforeAnybodyCanWaitForIt) {
    const InitialMapping data{.start = page(0),
                              .end = page(4),
                              .readable = true,
                              .writable = true,
                              .file = "/bin/true",
                              .written_from = page(2),
                              .written_to = page(2) + 100};
    rig.at_once([&](Operation& op) { rig.vm.load(op, *space, std::span(&data, 1)); });
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
    EXPECT_TRUE(rig.disk.submitted.empty());
    EXPECT_FALSE(rig.files.at(space->areas[0].inode).warm); // its other pages are cold
}

TEST_F(AddressSpaces, LoseTheirPagesWithTheLastUserAndTheirRootWhenDestroyed) {
    rig.map_anonymous(*space, page(0), 4);
    rig.touch(*space, page(0));
    rig.at_once([&](Operation& op) { rig.vm.add_user(op, *space); });
    drop_user();
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
    rig.at_once([&](Operation& op) { rig.vm.destroy(op, *space); });
    EXPECT_NE(space->root, no_pfn); // it has a user
    drop_user();
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
    EXPECT_EQ(rig.counters.nr_page_table_pages, 0U);
    EXPECT_NE(rig.table_memory.find(space->root), nullptr); // the CPU still uses it
    rig.at_once([&](Operation& op) { rig.vm.destroy(op, *space); });
    EXPECT_EQ(space->root, no_pfn);
    EXPECT_EQ(rig.objects.objects(ObjectKind::Mm), 0U);
}

TEST_F(AddressSpaces, AreFlushedWhereACpuMissedTheirChangesOnly) {
    EXPECT_EQ(flushes_of_switch(cpu0, *space), 1U); // its number may have been another's
    EXPECT_EQ(flushes_of_switch(cpu0, *space), 0U);
    const auto other = rig.new_space();
    (void)flushes_of_switch(cpu0, *other);
    EXPECT_FALSE(space->cpus[0]);
    EXPECT_EQ(flushes_of_switch(cpu0, *space), 0U); // nothing has changed
    (void)flushes_of_switch(cpu0, *other);
    rig.map_anonymous(*space, page(0), 1);
    rig.touch(*space, page(0));
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), page_size); });
    EXPECT_EQ(flushes_of_switch(cpu0, *space), 1U);
}

TEST_F(AddressSpaces, HaveNumbersThatAreUsedAgainLast) {
    const std::uint16_t first = space->pcid;
    drop_user();
    rig.at_once([&](Operation& op) { rig.vm.destroy(op, *space); });
    EXPECT_EQ(rig.new_space()->pcid, first);
}

TEST_F(AddressSpaces, SayWhatTheyUse) {
    const auto file = rig.at_once([&](Operation& op) { return rig.files.create_shmem(op, "memfd"); });
    rig.map_anonymous(*space, page(0), 4);
    rig.map(*space, {.start = page(8),
                     .bytes = 2 * page_size,
                     .flags = vm::read | vm::write | vm::shared,
                     .inode = file});
    rig.touch(*space, page(0));
    rig.touch(*space, page(8));
    const MemoryUse use = rig.vm.use(*space);
    EXPECT_EQ(use.total, 6U);
    EXPECT_EQ(use.anonymous, 1U);
    EXPECT_EQ(use.shmem, 1U);
    EXPECT_EQ(use.file, 0U);
    EXPECT_EQ(use.tables, 3U);
    EXPECT_EQ(rig.vm.badness(*space), 5U);
}

} // namespace
} // namespace pagewalk::os
