#include "workloads/qemu/memory_policies.h"

#include <array>
#include <cerrno>
#include <linux/mempolicy.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr pid_t first = 100;
constexpr pid_t second = 101;

template <class Object>
std::uint64_t address_of(Object& object) {
    return reinterpret_cast<std::uint64_t>(&object);
}

/// Calls whose memory is the test's own.
class MemoryPoliciesTest : public testing::Test {
protected:
    std::int64_t set(int mode, std::uint64_t nodes, pid_t thread = first) {
        return policies.set(tracee, thread,
                            {.rdx = 65, .rsi = address_of(nodes), .rdi = static_cast<std::uint64_t>(mode)});
    }
    std::int64_t get(std::uint64_t flags = 0, std::uint64_t address = 0) {
        return policies.get(
            tracee, first,
            {.r10 = address, .r8 = flags, .rdx = 64, .rsi = address_of(told_nodes), .rdi = address_of(told)},
            1);
    }

    MemoryPolicies policies{3};
    const Tracee tracee{getpid()};
    int told = -1;
    std::uint64_t told_nodes = ~0ULL;
};

TEST_F(MemoryPoliciesTest, AreTheDefaultAtFirst) {
    EXPECT_EQ(get(), 0);
    EXPECT_EQ(told, MPOL_DEFAULT);
    EXPECT_EQ(told_nodes, 0U);
    EXPECT_EQ(policies.get(tracee, first, {}, 0), 0); // as libnuma asks whether there is NUMA at all
}

TEST_F(MemoryPoliciesTest, AreToldAsTheyWereSetAndCutToTheMachinesNodes) {
    EXPECT_EQ(set(MPOL_BIND, 0b1110), 0);
    EXPECT_EQ(get(), 0);
    EXPECT_EQ(told, MPOL_BIND);
    EXPECT_EQ(told_nodes, 0b110U);
    EXPECT_EQ(set(MPOL_PREFERRED, 0), 0);
    EXPECT_EQ(set(MPOL_DEFAULT, 0), 0);
    EXPECT_EQ(policies.of(first).nodes, 0U);
}

TEST_F(MemoryPoliciesTest, RefuseWhatLinuxRefuses) {
    EXPECT_EQ(set(MPOL_BIND, 0), -EINVAL);
    EXPECT_EQ(set(MPOL_INTERLEAVE, 0b1000), -EINVAL); // no node of the machine
    EXPECT_EQ(set(MPOL_DEFAULT, 1), -EINVAL);
    EXPECT_EQ(set(77, 1), -EINVAL);
    EXPECT_EQ(policies.set(tracee, first, {.rdx = 65, .rsi = 8, .rdi = MPOL_BIND}), -EFAULT);
    std::array<std::uint64_t, 2> far{1, 1};
    EXPECT_EQ(policies.set(tracee, first, {.rdx = 129, .rsi = address_of(far), .rdi = MPOL_BIND}), -EINVAL);
    EXPECT_EQ(get(1U << 7), -EINVAL);
    EXPECT_EQ(get(MPOL_F_NODE), -EINVAL); // is not interleaved
    EXPECT_EQ(policies.get(tracee, first, {.rdx = 2, .rsi = address_of(told_nodes)}, 0), -EINVAL);
    EXPECT_EQ(policies.get(tracee, first, {.rdi = 8}, 0), -EFAULT);
}

TEST_F(MemoryPoliciesTest, TellWhereAPageIsPut) {
    constexpr std::uint64_t page = 4096;
    EXPECT_EQ(get(MPOL_F_NODE | MPOL_F_ADDR, 9 * page), 0);
    EXPECT_EQ(told, 1); // the thread's own node
    EXPECT_EQ(set(MPOL_BIND, 0b100), 0);
    EXPECT_EQ(get(MPOL_F_NODE | MPOL_F_ADDR, 9 * page), 0);
    EXPECT_EQ(told, 2);
    EXPECT_EQ(set(MPOL_INTERLEAVE, 0b101), 0);
    for (const auto& [at, node] : {std::pair{8, 0}, {9, 2}}) {
        EXPECT_EQ(get(MPOL_F_NODE | MPOL_F_ADDR, static_cast<std::uint64_t>(at) * page), 0);
        EXPECT_EQ(told, node);
    }
}

TEST_F(MemoryPoliciesTest, TellTheNodesThatMayBeUsed) {
    EXPECT_EQ(set(MPOL_BIND, 1), 0);
    EXPECT_EQ(get(MPOL_F_MEMS_ALLOWED), 0);
    EXPECT_EQ(told_nodes, 0b111U);
}

TEST_F(MemoryPoliciesTest, AreInheritedAndGoWithTheirThread) {
    EXPECT_EQ(set(MPOL_BIND, 0b10), 0);
    policies.on_birth(first, second);
    EXPECT_EQ(set(MPOL_BIND, 0b01), 0);
    EXPECT_EQ(policies.of(second).nodes, 0b10U);
    policies.on_end(second);
    EXPECT_EQ(policies.of(second).mode, MPOL_DEFAULT);
}

} // namespace
} // namespace pagewalk::workloads
