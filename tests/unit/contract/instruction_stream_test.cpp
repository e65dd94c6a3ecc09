#include "contract/instruction_stream.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(MemoryReference, PacksAddressInstructionSizeAndDirection) {
    const MemoryReference user(VirtAddr(0x7fffdeadbeefULL), 511, 5, true);
    EXPECT_EQ(user.address(), VirtAddr(0x7fffdeadbeefULL));
    EXPECT_EQ(user.instruction(), 511U);
    EXPECT_EQ(user.size(), 32U);
    EXPECT_TRUE(user.is_store());
    const MemoryReference high(VirtAddr(0xffffffffff600000ULL), 0, 0, false);
    EXPECT_EQ(high.address(), VirtAddr(0xffffffffff600000ULL));
    EXPECT_FALSE(high.is_store());
    EXPECT_EQ(high.raw() >> 62, 0U);
}
