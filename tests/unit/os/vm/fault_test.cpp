#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::base;
using test::cpu0;
using test::cpu1;
using test::page;
using test::VmRig;
using Status = VirtualMemory::FaultStatus;

struct Faults : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    VirtualMemory::FaultResult first = VmRig::not_yet, second = VmRig::not_yet;
    InodeId file = no_inode;

    void map_file(std::uint32_t flags) {
        file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
        rig.map(*space, {.start = base, .bytes = 64 * page_size, .flags = flags, .inode = file});
    }
    /// Two faults that wait for memory at the same time, then get it, the first one first.
    void overtake(VirtAddr one, VirtAddr other) {
        rig.use_up_memory();
        rig.run(cpu0, rig.fault(*space, one, first));
        rig.run(cpu1, rig.fault(*space, other, second));
        ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
        rig.give_back_memory(1000);
        rig.pick(cpu0);
        rig.pick(cpu1);
    }
    [[nodiscard]] std::uint64_t steps(StepKind kind) const {
        std::uint64_t sum = 0;
        for (const KernelStep& step : rig.tasks.back().path.steps()) sum += step.kind == kind ? 1 : 0;
        return sum;
    }
};

TEST_F(Faults, OutsideEveryAreaAreBadAddresses) {
    rig.map_anonymous(*space, page(0), 1);
    EXPECT_EQ(rig.touch(*space, page(1)).status, Status::BadAddress);
}

TEST_F(Faults, AgainstAnAreasRightsAreBadAddresses) {
    rig.map(*space, {.start = base, .bytes = page_size, .flags = vm::read});
    EXPECT_EQ(rig.touch(*space, base, FaultAccess::Write).status, Status::BadAddress);
    EXPECT_EQ(rig.touch(*space, base, FaultAccess::Execute).status, Status::BadAddress);
    EXPECT_EQ(rig.touch(*space, base, FaultAccess::Read).status, Status::Done);
}

TEST_F(Faults, BelowAStackLetItGrow) {
    rig.map(*space, {.start = page(300), .bytes = page_size, .flags = vm::read | vm::write | vm::grows_down});
    EXPECT_EQ(rig.touch(*space, page(297)).status, Status::Done);
    EXPECT_EQ(space->areas[0].start, page(297));
}

TEST_F(Faults, LetNoStackGrowIntoItsNeighboursGuardGap) {
    rig.map_anonymous(*space, page(0), 1);
    rig.map(*space, {.start = page(300), .bytes = page_size, .flags = vm::read | vm::write | vm::grows_down});
    EXPECT_EQ(rig.touch(*space, page(256)).status, Status::BadAddress); // 255 pages above the neighbour's end
    EXPECT_EQ(rig.touch(*space, page(257)).status, Status::Done);
}

TEST_F(Faults, ThatReadAnonymousMemoryMapTheZeroPageAndCopyItOnAWrite) {
    rig.map_anonymous(*space, page(0), 1);
    EXPECT_EQ(rig.touch(*space, page(0), FaultAccess::Read).kind, FaultKind::AnonymousRead);
    EXPECT_EQ(rig.entry(*space, page(0)).frame(), rig.addresses.zero_page);
    EXPECT_EQ(rig.touch(*space, page(0)).kind, FaultKind::CopyOfZero);
    EXPECT_NE(rig.entry(*space, page(0)).frame(), rig.addresses.zero_page);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
}

TEST_F(Faults, ThatFindTheirEntryFilledAfterAWaitForMemoryGiveTheirPageBack) {
    rig.map_anonymous(*space, page(0), 4);
    rig.touch(*space, page(0)); // page table and anon_vma are there
    overtake(page(1), page(1));
    EXPECT_EQ(first.kind, FaultKind::AnonymousWrite);
    EXPECT_EQ(second.kind, FaultKind::Spurious);
    EXPECT_EQ(rig.counters.nr_anon_pages, 2U);
    EXPECT_EQ(space->anon_pages, 2U);
}

TEST_F(Faults, OfOneSharedPageAfterAWaitForMemoryCopyItOnce) {
    rig.map_anonymous(*space, page(0), 1);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    const Pfn shared = rig.entry(*space, page(0)).frame();
    overtake(page(0), page(0));
    EXPECT_EQ(first.kind, FaultKind::CopyOnWrite);
    EXPECT_EQ(second.kind, FaultKind::Spurious);
    EXPECT_EQ(rig.frames.pages().peek(shared).mapcount, 1U); // the child's
    EXPECT_EQ(rig.entry(*child, page(0)).frame(), shared);
    EXPECT_EQ(space->anon_pages, 1U);
}

TEST_F(Faults, AfterAForkReuseThePageOnceItIsTheirsAlone) {
    rig.map_anonymous(*space, page(0), 1);
    rig.touch(*space, page(0));
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(rig.touch(*space, page(0)).kind, FaultKind::CopyOnWrite);
    EXPECT_EQ(rig.touch(*child, page(0)).kind, FaultKind::Reuse);
}

TEST_F(Faults, OfAColdFilePageWaitForTheDiskAndAreMajor) {
    map_file(vm::read);
    rig.run(cpu0, rig.fault(*space, page(0), first, FaultAccess::Read));
    EXPECT_EQ(first.status, Status::Retry);
    EXPECT_EQ(space->mmap_lock.readers(), 0U); // not held while the disk works
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_EQ(first.status, Status::Done);
    EXPECT_EQ(first.kind, FaultKind::FileMajor);
    EXPECT_TRUE(rig.entry(*space, page(0)).present());
}

TEST_F(Faults, OfAPageThatAnotherIsReadingWaitWithoutASecondRequest) {
    map_file(vm::read);
    rig.run(cpu0, rig.fault(*space, page(0), first, FaultAccess::Read));
    rig.run(cpu1, rig.fault(*space, page(0), second, FaultAccess::Read));
    EXPECT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(second.status, Status::Retry);
    rig.complete(0);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(first.kind, FaultKind::FileMajor);
    EXPECT_EQ(second.status, Status::Done);
    EXPECT_EQ(second.kind, FaultKind::FileMajor); // its task has waited,
    EXPECT_EQ(rig.counters.pgmajfault, 1U);       // but it started no reading
}

TEST_F(Faults, OfAPageThatWasUnmappedWhileItWasReadAreBadAddresses) {
    map_file(vm::read);
    rig.run(cpu0, rig.fault(*space, page(0), first, FaultAccess::Read));
    rig.run(cpu1, [&](Operation& op) { rig.vm.munmap(op, *space, base, 64 * page_size); });
    EXPECT_TRUE(space->areas.empty());
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_EQ(first.status, Status::BadAddress);
}

TEST_F(Faults, ThatWriteAPrivateFilePageCopyIt) {
    map_file(vm::read | vm::write);
    rig.run(cpu0, rig.fault(*space, page(0), first));
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_EQ(first.status, Status::Done);
    EXPECT_EQ(steps(StepKind::CopyPages), 1U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
    EXPECT_EQ(rig.counters.nr_mapped, 0U);
}

TEST_F(Faults, OfACachedFilePageMapItsCachedNeighboursToo) {
    map_file(vm::read);
    rig.run(cpu0, rig.fault(*space, page(0), first, FaultAccess::Read)); // reads 32 pages around it
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_TRUE(rig.entry(*space, page(15)).present());
    EXPECT_FALSE(rig.entry(*space, page(16)).present());
    EXPECT_EQ(rig.counters.nr_mapped, 16U);
}

TEST_F(Faults, PopulatingAFileWaitsForEveryPage) {
    map_file(vm::read);
    bool over = false;
    rig.run(cpu0, [&](Operation& op) {
        rig.vm.populate(op, *space, page(0), 8 * page_size);
        over = true;
    });
    for (std::size_t request = 0; !over; ++request) {
        ASSERT_LT(request, rig.disk.submitted.size());
        rig.complete(request);
        rig.pick(cpu0);
    }
    for (std::uint64_t i = 0; i < 8; ++i) EXPECT_TRUE(rig.entry(*space, page(i)).present());
    // MAP_POPULATE's faults are faults; those that came with a neighbour's are none.
    EXPECT_GT(rig.counters.pgmajfault, 0U);
    EXPECT_GE(rig.counters.pgfault, rig.counters.pgmajfault);
    EXPECT_LE(rig.counters.pgfault, 8U);
    EXPECT_EQ(rig.counters.faults[static_cast<std::size_t>(FaultKind::FileMajor)], 0U); // as get_user_pages
}

TEST_F(Faults, OfSharedMemoryMapPagesThatAreReadWritable) {
    file = rig.at_once([&](Operation& op) { return rig.files.create_shmem(op, "memfd"); });
    rig.files.at(file).size = 64 * page_size;
    rig.map(
        *space,
        {.start = base, .bytes = 64 * page_size, .flags = vm::read | vm::write | vm::shared, .inode = file});
    (void)rig.touch(*space, page(0), FaultAccess::Read);
    EXPECT_TRUE(rig.entry(*space, page(0)).has(PageTableEntry::Writable));
    EXPECT_FALSE(rig.entry(*space, page(0)).has(PageTableEntry::Dirty));
}

TEST_F(Faults, OfAFileOnADiskMapPagesThatAreReadReadOnly) {
    VmRig warm{FileCache::Warm};
    auto other = warm.new_space();
    const auto data = warm.at_once([&](Operation& op) { return warm.files.open(op, "/data"); });
    warm.map(
        *other,
        {.start = base, .bytes = 64 * page_size, .flags = vm::read | vm::write | vm::shared, .inode = data});
    (void)warm.touch(*other, page(0), FaultAccess::Read);
    EXPECT_FALSE(warm.entry(*other, page(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(warm.touch(*other, page(0)).kind, FaultKind::MakeWritable);
    EXPECT_EQ(warm.counters.nr_dirty, 1U);
}

TEST_F(Faults, AtTheMarkOfReadaheadAreTriedAgainAndCountTwice) {
    map_file(vm::read);
    const auto touch_page = [&](std::uint64_t number) {
        VirtualMemory::FaultResult result = VmRig::not_yet;
        rig.run(cpu0, rig.fault(*space, page(number), result, FaultAccess::Read));
        if (result.status == Status::Done) return result;
        rig.complete(rig.disk.submitted.size() - 1);
        rig.pick(cpu0);
        return result;
    };
    EXPECT_EQ(touch_page(0).kind, FaultKind::FileMajor);
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
    EXPECT_FALSE(rig.entry(*space, page(24)).present());
    EXPECT_EQ(touch_page(16).kind, FaultKind::FileMap);
    EXPECT_TRUE(rig.entry(*space, page(23)).present());
    EXPECT_FALSE(rig.entry(*space, page(24)).present()); // it has the mark
    EXPECT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(touch_page(24).kind, FaultKind::FileMajor);
    EXPECT_EQ(rig.disk.submitted.size(), 2U);
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
}

} // namespace
} // namespace pagewalk::os
