#include "tests/unit/os/vm/hugetlb_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::HugetlbRig;
using test::with_hugetlb;
using Kind = HugetlbRig::Kind;
using Status = VirtualMemory::FaultStatus;

constexpr std::uint64_t huge = bytes_of(HugetlbSize::Page2M);
constexpr VirtAddr base{0x100000000000};
constexpr VirtAddr at(std::uint64_t huge_pages, std::uint64_t bytes = 0) {
    return base + huge_pages * huge + bytes;
}

struct HugetlbFaults : testing::Test {
    HugetlbRig rig{with_hugetlb("8")};
    std::shared_ptr<AddressSpace> space = rig.new_space();

    [[nodiscard]] std::uint64_t free() { return rig.pool().counts().free; }
    [[nodiscard]] std::shared_ptr<AddressSpace> fork() {
        return rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    }
    void leave(AddressSpace& gone) {
        rig.at_once([&](Operation& op) {
            rig.vm.drop_user(op, gone);
            rig.vm.destroy(op, gone);
        });
    }
};

// The steps and counts of this and the next tests: capture p6, job hugetlb, of a real kernel.
TEST_F(HugetlbFaults, TakePromisedPagesOneByOne) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 4));
    EXPECT_EQ(rig.pool().reserved(), 4U);
    EXPECT_EQ(rig.touch(*space, at(0, 5)).kind, FaultKind::HugetlbNew);
    EXPECT_EQ(free(), 7U);
    EXPECT_EQ(rig.pool().reserved(), 3U);
    EXPECT_EQ(space->table_pages, 2U); // levels 3 and 2: none is kept for a split
    EXPECT_EQ(space->hugetlb_pages, 512U);
    EXPECT_EQ(space->anon_pages + space->file_pages, 0U); // not resident memory
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
    const PageTableEntry entry = rig.leaf(*space, at(0));
    EXPECT_TRUE(entry.has(PageTableEntry::Huge) && entry.has(PageTableEntry::Writable));
    for (const std::uint64_t page : {1, 2, 3}) rig.touch(*space, at(page));
    EXPECT_EQ(free(), 4U);
    EXPECT_EQ(rig.pool().reserved(), 0U);
}

TEST_F(HugetlbFaults, ByReadsTakeAPageThatAWriteThenOwns) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 1));
    EXPECT_EQ(rig.touch(*space, at(0), FaultAccess::Read).kind, FaultKind::HugetlbNew);
    EXPECT_FALSE(rig.leaf(*space, at(0)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.touch(*space, at(0)).kind, FaultKind::HugeReuse);
    EXPECT_EQ(free(), 7U);
}

TEST_F(HugetlbFaults, GiveBackPagesAndPromisesByMunmap) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 4));
    rig.touch(*space, at(0));
    rig.munmap(*space, at(1), 2 * huge); // two areas are left, with one promise
    EXPECT_EQ(rig.pool().reserved(), 1U);
    EXPECT_EQ(space->areas.size(), 2U);
    rig.munmap(*space, base, 4 * huge);
    EXPECT_EQ(free(), 8U);
    EXPECT_EQ(rig.pool().reserved(), 0U);
    EXPECT_EQ(space->hugetlb_pages, 0U);
    EXPECT_EQ(space->table_pages, 0U);
}

TEST_F(HugetlbFaults, AreRefusedBeyondThePool) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 3));
    EXPECT_FALSE(rig.map_hugetlb(*space, at(100), 6));
    EXPECT_TRUE(rig.map_hugetlb(*space, at(100), 5));
    EXPECT_EQ(rig.pool().reserved(), 8U);
}

TEST_F(HugetlbFaults, WithoutAPromiseEndInSigbusWhenThePoolIsEmpty) {
    ASSERT_TRUE(rig.map_hugetlb(*space, at(100), 5));
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 8, Kind::NoReserve));
    for (const std::uint64_t page : {0, 1, 2}) EXPECT_EQ(rig.touch(*space, at(page)).status, Status::Done);
    EXPECT_EQ(rig.touch(*space, at(3)).status, Status::BusError); // the other five are promised
    EXPECT_EQ(rig.touch(*space, at(100)).status, Status::Done);
}

TEST_F(HugetlbFaults, CopyPrivatePagesAfterAFork) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 2));
    rig.touch(*space, at(0));
    const auto child = fork();
    EXPECT_EQ(child->hugetlb_pages, 512U);
    EXPECT_EQ(rig.leaf(*child, at(0)).frame(), rig.leaf(*space, at(0)).frame());
    EXPECT_EQ(rig.vm.hugetlb_use(*space, space->areas[0]).shared, huge);
    EXPECT_EQ(rig.touch(*child, at(0, 4096)).kind, FaultKind::HugetlbCopy);
    EXPECT_NE(rig.leaf(*child, at(0)).frame(), rig.leaf(*space, at(0)).frame());
    EXPECT_EQ(rig.vm.hugetlb_use(*space, space->areas[0]).own, huge);
    EXPECT_EQ(free(), 6U);
    EXPECT_EQ(rig.touch(*space, at(0)).kind, FaultKind::HugeReuse);
    leave(*child);
    EXPECT_EQ(free(), 7U);
    EXPECT_EQ(rig.pool().reserved(), 1U); // the parent's, of its second page
}

TEST_F(HugetlbFaults, TakeThePageFromTheChildWhereThereIsNoneForTheParentsCopy) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 8));
    for (std::uint64_t page = 0; page < 8; ++page) rig.touch(*space, at(page));
    const auto child = fork();
    EXPECT_EQ(rig.touch(*child, at(1)).status, Status::BusError);
    const Pfn before = rig.leaf(*space, at(0)).frame();
    EXPECT_EQ(rig.touch(*space, at(0)).kind, FaultKind::HugeReuse);
    EXPECT_EQ(rig.leaf(*space, at(0)).frame(), before);
    EXPECT_TRUE(rig.leaf(*child, at(0)).empty());
    EXPECT_EQ(rig.touch(*child, at(0), FaultAccess::Read).status, Status::BusError);
    leave(*child);
}

TEST_F(HugetlbFaults, OfSharedMemoryFindTheOthersPage) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 2, Kind::Shared));
    rig.touch(*space, at(0));
    const auto child = fork();
    EXPECT_TRUE(rig.leaf(*child, at(0)).empty()); // left to fault
    EXPECT_EQ(rig.touch(*child, at(0)).kind, FaultKind::HugetlbNew);
    EXPECT_EQ(rig.leaf(*child, at(0)).frame(), rig.leaf(*space, at(0)).frame());
    EXPECT_TRUE(rig.leaf(*child, at(0)).has(PageTableEntry::Writable));
    leave(*child);
    EXPECT_EQ(free(), 7U); // the file has it
    rig.munmap(*space, base, 2 * huge);
    EXPECT_EQ(free(), 8U);
    EXPECT_EQ(rig.pool().reserved(), 0U);
}

TEST_F(HugetlbFaults, FollowMprotect) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 2));
    rig.touch(*space, at(0));
    const auto protect = [&](std::uint32_t access) {
        rig.at_once([&](Operation& op) { rig.vm.protect(op, *space, base, huge, access); });
    };
    protect(0);
    EXPECT_FALSE(rig.leaf(*space, at(0)).present());
    EXPECT_EQ(rig.touch(*space, at(0), FaultAccess::Read).status, Status::BadAddress);
    EXPECT_EQ(space->areas.size(), 2U);
    protect(vm::read | vm::write);
    EXPECT_EQ(space->areas.size(), 2U); // areas of hugetlbfs do not merge
    EXPECT_EQ(rig.touch(*space, at(0)).kind, FaultKind::HugeReuse);
    EXPECT_EQ(free(), 7U);
}

TEST_F(HugetlbFaults, AfterMadvDontneedHaveNoPromiseLeft) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 1));
    rig.touch(*space, at(0));
    rig.at_once([&](Operation& op) { rig.vm.discard(op, *space, base, huge); });
    EXPECT_EQ(free(), 8U);
    EXPECT_EQ(rig.pool().reserved(), 0U);
    ASSERT_TRUE(rig.map_hugetlb(*space, at(100), 8));
    EXPECT_EQ(rig.touch(*space, at(0)).status, Status::BusError);
}

TEST_F(HugetlbFaults, MoveWithMremap) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 2));
    rig.touch(*space, at(0));
    const Pfn head = rig.leaf(*space, at(0)).frame();
    rig.at_once([&](Operation& op) { rig.vm.remap(op, *space, base, 2 * huge, 2 * huge, at(600)); });
    EXPECT_EQ(rig.leaf(*space, at(600)).frame(), head);
    EXPECT_TRUE(rig.leaf(*space, at(0)).empty());
    EXPECT_EQ(rig.pool().reserved(), 1U); // still promised
    EXPECT_EQ(rig.touch(*space, at(601)).status, Status::Done);
    EXPECT_EQ(rig.pool().reserved(), 0U);
}

TEST_F(HugetlbFaults, OfPopulatingCountOncePerPage) {
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 3));
    rig.at_once([&](Operation& op) { rig.vm.populate(op, *space, base, 3 * huge); });
    EXPECT_EQ(free(), 5U);
    EXPECT_EQ(space->hugetlb_pages, 3 * 512U);
}

TEST(HugetlbGigantic, PagesAreEntriesOfLevelThree) {
    HugetlbRig rig(with_hugetlb("0", 0, "1"), {4ULL << 30});
    const auto space = rig.new_space();
    EXPECT_EQ(rig.pool(HugetlbSize::Page1G).counts().free, 1U);
    ASSERT_TRUE(rig.map_hugetlb(*space, base, 1, Kind::Private, HugetlbSize::Page1G));
    EXPECT_FALSE(rig.map_hugetlb(*space, base + (4ULL << 30), 1, Kind::Private, HugetlbSize::Page1G));
    EXPECT_EQ(rig.touch(*space, base + 12345).kind, FaultKind::HugetlbNew);
    const PageTableEntry entry = rig.leaf(*space, base, 3);
    EXPECT_TRUE(entry.has(PageTableEntry::Huge) && entry.has(PageTableEntry::Writable));
    EXPECT_EQ(entry.frame().value() % frames_of(HugetlbSize::Page1G), 0U);
    EXPECT_EQ(space->table_pages, 1U);
    EXPECT_EQ(space->hugetlb_pages, 1U << 18);
    EXPECT_EQ(rig.touch(*space, base + (1ULL << 29)).kind, FaultKind::Spurious);
    rig.munmap(*space, base, 1ULL << 30);
    EXPECT_EQ(rig.pool(HugetlbSize::Page1G).counts().free, 1U);
    EXPECT_EQ(space->table_pages, 0U);
}

} // namespace
} // namespace pagewalk::os
