#include "workloads/qemu/address_shifts.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

TEST(AddressShifts, MoveWhatWasPlaced) {
    AddressShifts shifts;
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000001234)), VirtAddr(0x4000001234));
    shifts.place(VirtAddr(0x4000000000), 0x3000, VirtAddr(0x7ffff7ff6000));
    shifts.place(VirtAddr(0x4000010000), 0x1000, VirtAddr(0x7ffff7ff0000));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000000000)), VirtAddr(0x7ffff7ff6000));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000002fff)), VirtAddr(0x7ffff7ff8fff));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000003000)), VirtAddr(0x4000003000)); // between the two
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000010008)), VirtAddr(0x7ffff7ff0008));
    EXPECT_EQ(shifts.ours(VirtAddr(0x400000)), VirtAddr(0x400000));
    EXPECT_FALSE(shifts.may_shift(VirtAddr(0x400000)));
}

TEST(AddressShifts, ForgetWhatLayThereBefore) {
    AddressShifts shifts;
    shifts.place(VirtAddr(0x4000000000), 0x4000, VirtAddr(0x7000000000));
    shifts.place(VirtAddr(0x4000001000), 0x1000, VirtAddr(0x8000000000));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000000fff)), VirtAddr(0x7000000fff));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000001fff)), VirtAddr(0x8000000fff));
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000002000)), VirtAddr(0x7000002000));
    shifts.place(VirtAddr(0x4000000000), 0x4000, VirtAddr(0x4000000000)); // where it is
    EXPECT_TRUE(shifts.empty());
    EXPECT_EQ(shifts.ours(VirtAddr(0x4000001000)), VirtAddr(0x4000001000));
}

} // namespace
} // namespace pagewalk::workloads
