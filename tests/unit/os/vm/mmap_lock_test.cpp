#include "os/vm/mmap_lock.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;
using Status = VirtualMemory::FaultStatus;

/// Two threads of one address space, on a CPU each. What begins first has the lock until its path has run.
struct TwoThreadsOfASpace : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    std::shared_ptr<AddressSpace> child;
    VirtualMemory::FaultResult first = VmRig::not_yet, second = VmRig::not_yet;

    void SetUp() override { rig.map_anonymous(*space, page(0), 8); }
    auto unmap_all() {
        return [this](Operation& op) { rig.vm.munmap(op, *space, page(0), 8 * page_size); };
    }
    auto fork() {
        return [this](Operation& op) { child = rig.vm.fork(op, *space); };
    }
};

TEST_F(TwoThreadsOfASpace, FaultTogether) {
    Task& one = rig.begin(cpu0, rig.fault(*space, page(0), first));
    Task& other = rig.begin(cpu1, rig.fault(*space, page(1), second));
    EXPECT_EQ(second.kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(space->mmap_lock.readers(), 2U);
    rig.run_path(one);
    rig.run_path(other);
    EXPECT_EQ(space->mmap_lock.readers(), 0U);
}

TEST_F(TwoThreadsOfASpace, FaultOnlyOnceAnUnmappingIsOver) {
    Task& unmapping = rig.begin(cpu0, unmap_all());
    EXPECT_TRUE(space->mmap_lock.write_locked());
    rig.run(cpu1, rig.fault(*space, page(0), second));
    EXPECT_EQ(second.status, Status::Retry); // nothing has been looked up yet
    EXPECT_EQ(space->mmap_lock.waiting(), 1U);
    rig.run_path(unmapping);
    rig.pick(cpu1);
    EXPECT_EQ(second.status, Status::BadAddress);
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
}

TEST_F(TwoThreadsOfASpace, UnmapOnlyOnceAFaultIsOver) {
    Task& faulting = rig.begin(cpu0, rig.fault(*space, page(0), first));
    rig.run(cpu1, unmap_all());
    EXPECT_EQ(space->areas.size(), 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
    rig.run_path(faulting);
    rig.pick(cpu1);
    EXPECT_EQ(first.status, Status::Done);
    EXPECT_TRUE(space->areas.empty());
    EXPECT_EQ(rig.counters.nr_anon_pages, 0U);
}

TEST_F(TwoThreadsOfASpace, ForkWithoutAPageThatIsFaultedInAfterwards) {
    Task& forking = rig.begin(cpu0, fork());
    rig.run(cpu1, rig.fault(*space, page(3), second));
    EXPECT_EQ(second.status, Status::Retry);
    EXPECT_TRUE(rig.entry(*space, page(3)).empty());
    rig.run_path(forking);
    rig.pick(cpu1);
    EXPECT_EQ(second.kind, FaultKind::AnonymousWrite);
    EXPECT_TRUE(rig.entry(*child, page(3)).empty());
    EXPECT_TRUE(rig.entry(*space, page(3)).has(PageTableEntry::Writable)); // nobody shares it
}

TEST_F(TwoThreadsOfASpace, ForkWithAPageWhoseFaultCameFirst) {
    Task& faulting = rig.begin(cpu0, rig.fault(*space, page(3), first));
    rig.run(cpu1, fork());
    EXPECT_EQ(space->mmap_lock.waiting(), 1U);
    rig.run_path(faulting);
    rig.pick(cpu1);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(rig.entry(*child, page(3)).frame(), rig.entry(*space, page(3)).frame());
    EXPECT_FALSE(rig.entry(*space, page(3)).has(PageTableEntry::Writable));
}

TEST_F(TwoThreadsOfASpace, ForkBeforeAnUnmappingThatComesLater) {
    rig.touch(*space, page(3));
    Task& forking = rig.begin(cpu0, fork());
    rig.run(cpu1, unmap_all());
    EXPECT_EQ(space->areas.size(), 1U);
    rig.run_path(forking);
    rig.pick(cpu1);
    EXPECT_TRUE(space->areas.empty());
    EXPECT_EQ(child->areas.size(), 1U);
    EXPECT_EQ(child->anon_pages, 1U);
}

TEST_F(TwoThreadsOfASpace, LetNoFaultOvertakeAWriterInLine) {
    Task& faulting = rig.begin(cpu0, rig.fault(*space, page(0), first));
    rig.run(cpu1, unmap_all());
    rig.run(cpu1, rig.fault(*space, page(1), second)); // a third thread
    EXPECT_EQ(space->mmap_lock.waiting(), 2U);
    rig.run_path(faulting);
    rig.pick(cpu1);
    rig.pick(cpu1);
    EXPECT_EQ(second.status, Status::BadAddress);
}

} // namespace
} // namespace pagewalk::os
