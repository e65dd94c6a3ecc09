#include "app/readable_cell.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

std::string shown(const std::string& column, const std::string& cell) {
    return readable_cell({.name = column}, cell);
}

TEST(ReadableCell, AddressesAndFramesAreHexadecimal) {
    EXPECT_EQ(shown("address", "4096"), "0x1000");
    EXPECT_EQ(shown("ptr", "18446612686365295168"), "0xffff888100048240");
    EXPECT_EQ(shown("pfn", "18446744073709551615"), "0xffffffffffffffff");
    EXPECT_EQ(shown("call_site", "0"), "0x0");
}

TEST(ReadableCell, AllocationMasksHaveNames) {
    EXPECT_EQ(shown("gfp_flags", "3264"), "GFP_KERNEL");
    EXPECT_EQ(shown("gfp", "3520"), "GFP_KERNEL|__GFP_ZERO");
    EXPECT_EQ(shown("gfp_flags", "0"), "none");
}

TEST(ReadableCell, OthersStay) {
    EXPECT_EQ(shown("time", "4096"), "4096");
    EXPECT_EQ(shown("node", "-1"), "-1");
    EXPECT_EQ(shown("address", "none"), "none");
}

} // namespace
} // namespace pagewalk::app
