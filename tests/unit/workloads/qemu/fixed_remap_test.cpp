#include "workloads/qemu/plugin/fixed_remap.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr std::uint64_t page = 4096;

/// Sixteen pages, of which the second eight are an area of their own; the program moves some of the first
/// twelve onto the last four.
class FixedRemapTest : public testing::Test {
protected:
    FixedRemapTest()
        : m_base(reinterpret_cast<std::uint64_t>(
              mmap(nullptr, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        mprotect(reinterpret_cast<void*>(at(8)), 4 * page, PROT_READ);
    }
    ~FixedRemapTest() override { munmap(reinterpret_cast<void*>(m_base), 16 * page); }
    FixedRemapTest(const FixedRemapTest&) = delete;
    FixedRemapTest& operator=(const FixedRemapTest&) = delete;

    [[nodiscard]] std::uint64_t at(std::uint64_t number) const { return m_base + number * page; }
    [[nodiscard]] bool mapped(std::uint64_t number) const {
        unsigned char resident = 0;
        return mincore(reinterpret_cast<void*>(at(number)), page, &resident) == 0;
    }
    std::int64_t remap(std::uint64_t first, std::uint64_t pages, std::uint64_t new_pages) {
        constexpr std::uint64_t flags = MREMAP_MAYMOVE | MREMAP_FIXED;
        FixedRemap remap;
        remap.begin(SYS_mremap, {at(first), pages * page, new_pages * page, flags, at(12)});
        const long result = ::syscall(SYS_mremap, at(first), pages * page, new_pages * page, flags, at(12));
        return remap.end(result < 0 ? -errno : result);
    }

    std::uint64_t m_base;
};

TEST_F(FixedRemapTest, MovesARangeOfOneArea) {
    EXPECT_EQ(remap(0, 2, 2), static_cast<std::int64_t>(at(12)));
    EXPECT_FALSE(mapped(0));
    EXPECT_TRUE(mapped(12));
}

TEST_F(FixedRemapTest, OfSeveralAreasUnmapsTheTargetAndFails) {
    EXPECT_EQ(remap(7, 2, 2), -EFAULT);
    EXPECT_TRUE(mapped(7));
    EXPECT_TRUE(mapped(8));
    EXPECT_FALSE(mapped(12));
    EXPECT_FALSE(mapped(13));
    EXPECT_TRUE(mapped(14));
}

TEST_F(FixedRemapTest, UnmapsWhatTheRangeShrinksByBeforeItFails) {
    EXPECT_EQ(remap(6, 4, 3), -EFAULT);
    EXPECT_TRUE(mapped(8));
    EXPECT_FALSE(mapped(9));
    EXPECT_FALSE(mapped(12));
}

TEST_F(FixedRemapTest, WithoutAnAreaTouchesNothing) {
    munmap(reinterpret_cast<void*>(at(2)), page);
    EXPECT_EQ(remap(2, 1, 1), -EFAULT);
    EXPECT_TRUE(mapped(12));
}

} // namespace
} // namespace pagewalk::workloads
