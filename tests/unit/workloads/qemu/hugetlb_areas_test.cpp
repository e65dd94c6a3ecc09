#include "workloads/qemu/plugin/hugetlb_areas.h"

#include <csignal>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr std::uint64_t page = 4096, huge = 2ULL << 20;
constexpr std::uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;

bool is_mapped(std::uint64_t address) {
    unsigned char resident = 0;
    return mincore(reinterpret_cast<void*>(address), page, &resident) == 0;
}

struct HugetlbAreasTest : testing::Test {
    HugetlbAreas areas;

    [[nodiscard]] std::int64_t map(std::uint64_t start, std::uint64_t bytes, std::uint64_t more = 0) {
        return areas.map({start, bytes, PROT_READ | PROT_WRITE, flags | more, ~0ULL, 0}, 0, -ENOMEM);
    }
    std::int64_t unmap(std::uint64_t start, std::uint64_t bytes) {
        const HugetlbAreas::Arguments arguments{start, bytes};
        areas.begin(SYS_munmap, arguments);
        const long result = ::syscall(SYS_munmap, start, bytes);
        return areas.end(SYS_munmap, arguments, result < 0 ? -errno : result);
    }
};

TEST_F(HugetlbAreasTest, BeginWhereHugePagesDo) {
    const std::int64_t start = map(0, 3 * page);
    ASSERT_GT(start, 0);
    EXPECT_EQ(static_cast<std::uint64_t>(start) % huge, 0U);
    EXPECT_TRUE(is_mapped(static_cast<std::uint64_t>(start) + huge - page)); // whole ones
    *reinterpret_cast<char*>(start) = 1;
    EXPECT_EQ(unmap(static_cast<std::uint64_t>(start), huge), 0);
    EXPECT_FALSE(is_mapped(static_cast<std::uint64_t>(start)));
}

TEST_F(HugetlbAreasTest, LieWhereTheProgramWantsThem) {
    const auto start = static_cast<std::uint64_t>(map(0, 4 * huge));
    EXPECT_EQ(unmap(start, 4 * huge), 0);
    EXPECT_EQ(map(start, huge, MAP_FIXED), static_cast<std::int64_t>(start));
    EXPECT_EQ(map(start, huge, MAP_FIXED_NOREPLACE), -EEXIST);
    EXPECT_EQ(unmap(start, huge), 0);
}

TEST_F(HugetlbAreasTest, AreNotThereWhereTheSimulatedKernelRefuses) {
    EXPECT_EQ(areas.map({0, huge, PROT_READ, flags, ~0ULL, 0}, -ENOMEM, -EINVAL), -ENOMEM);
    const long host = ::syscall(SYS_mmap, 0, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQ(areas.map({0, huge, PROT_READ, flags, ~0ULL, 0}, -ENOMEM, host), -ENOMEM);
    EXPECT_FALSE(is_mapped(static_cast<std::uint64_t>(host)));
}

TEST_F(HugetlbAreasTest, KeepWhatIsOfAPageThatIsNotWhollyUnmapped) {
    const auto start = static_cast<std::uint64_t>(map(0, 2 * huge));
    char* const first = reinterpret_cast<char*>(start);
    first[page - 1] = 42;
    EXPECT_EQ(unmap(start, page), -EINVAL);
    EXPECT_EQ(first[page - 1], 42);
    EXPECT_EQ(unmap(start + huge + page, huge - page), -EINVAL);
    EXPECT_TRUE(is_mapped(start + huge + page));
    EXPECT_EQ(unmap(start + huge, huge), 0);
    EXPECT_EQ(unmap(start + page, 3 * huge), -EINVAL); // its first page is cut
    EXPECT_EQ(unmap(start, huge), 0);
    EXPECT_EQ(unmap(start + page, page), 0); // nothing is there any more
}

TEST_F(HugetlbAreasTest, WithoutAReservationTakeThePagesThatThereAreAndRaiseSigbusThen) {
    static volatile std::uint64_t faulted;
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        faulted = reinterpret_cast<std::uint64_t>(info->si_addr);
        // As a program's handler does.
        (void)::mmap(reinterpret_cast<void*>(faulted & ~(huge - 1)), huge, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    };
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
    const std::int64_t start =
        areas.map({0, 3 * huge, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, ~0ULL, 0}, 0, -EINVAL, 2);
    ASSERT_GT(start, 0);
    auto* const memory = reinterpret_cast<volatile char*>(start);
    memory[huge + 5] = 1;
    memory[huge + 6] = 2;
    memory[2 * huge] = 3;
    EXPECT_EQ(faulted, 0U);
    EXPECT_EQ(memory[huge + 5], 1);
    memory[7] = 4;
    EXPECT_EQ(faulted, static_cast<std::uint64_t>(start) + 7);
    EXPECT_EQ(memory[7], 4);
    (void)std::signal(SIGBUS, SIG_DFL);
    EXPECT_EQ(unmap(static_cast<std::uint64_t>(start), 3 * huge), 0);
}

} // namespace
} // namespace pagewalk::workloads
