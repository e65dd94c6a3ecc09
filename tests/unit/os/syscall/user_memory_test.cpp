#include "os/syscall/user_memory.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr VirtAddr base(0x10000);

TEST(UserRange, GoesPageByPage) {
    UserRange range(base + 4000, 5000);
    UserSegment piece = range.take(10000);
    EXPECT_EQ(piece.address, base + 4000);
    EXPECT_EQ(piece.bytes, 96U);
    piece = range.take(10000);
    EXPECT_EQ(piece.address, base + 4096);
    EXPECT_EQ(piece.bytes, 4096U);
    EXPECT_EQ(range.take(10000).bytes, 5000U - 96 - 4096);
    EXPECT_EQ(range.take(10000).bytes, 0U);
}

TEST(UserRange, TakesNoMoreThanIsAskedFor) {
    UserRange range(base, 100);
    EXPECT_EQ(range.take(30).bytes, 30U);
    EXPECT_EQ(range.take(100).address, base + 30);
}

TEST(UserRange, SkipsWhatIsNotWanted) {
    UserRange range(base, 10000);
    range.skip(5000);
    EXPECT_EQ(range.take(100).address, base + 5000);
    range.skip(20000);
    EXPECT_EQ(range.take(1).bytes, 0U);
}

TEST(UserRange, GoesFromSegmentToSegment) {
    const std::array<UserSegment, 3> segments{UserSegment{base, 10}, UserSegment{base + 64, 0},
                                              UserSegment{base + 128, 20}};
    UserRange range(segments);
    EXPECT_EQ(range.take(100).bytes, 10U);
    const UserSegment piece = range.take(100);
    EXPECT_EQ(piece.address, base + 128);
    EXPECT_EQ(piece.bytes, 20U);
    EXPECT_EQ(range.take(100).bytes, 0U);
}

} // namespace
} // namespace pagewalk::os
