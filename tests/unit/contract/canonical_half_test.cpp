#include "contract/canonical_half.h"

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

TEST(CanonicalHalf, IsToldByBit47AndThoseAbove) {
    EXPECT_FALSE(is_upper_half(VirtAddr(0)));
    EXPECT_FALSE(is_upper_half(VirtAddr(0x00007fffffffffff)));
    EXPECT_TRUE(is_upper_half(VirtAddr(0xffff800000000000)));
    EXPECT_TRUE(is_upper_half(VirtAddr(~0ULL)));
}

} // namespace
} // namespace pagewalk
