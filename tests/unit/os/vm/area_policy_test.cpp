#include "os/vm/area_policy.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

constexpr NodeMask second{0b10};

struct AreaPolicies : testing::Test {
    VmRig rig{FileCache::Cold, {}, PageTableKind::Radix, {64ULL << 20, 64ULL << 20}};
    std::shared_ptr<AddressSpace> space = rig.new_space();

    void SetUp() override { rig.map_anonymous(*space, page(0), 16); }
    void set(std::uint64_t first, std::uint64_t end, std::shared_ptr<MemoryPolicy> policy) {
        rig.at_once([&](Operation& op) { rig.vm.set_policy(op, *space, page(first), page(end), policy); });
    }
    static std::shared_ptr<MemoryPolicy> bound() {
        return std::make_shared<MemoryPolicy>(MemoryPolicy::Mode::Bind, second);
    }
    [[nodiscard]] NodeId node_of(AddressSpace& of, std::uint64_t number) {
        rig.touch(of, page(number));
        return rig.allocator->zone_of(rig.entry(of, page(number)).frame())->node;
    }
};

TEST_F(AreaPolicies, DecideOverTheTasksInTheirRangeAlone) {
    set(4, 8, bound());
    ASSERT_EQ(space->areas.size(), 3U);
    EXPECT_EQ(node_of(*space, 3), NodeId{0});
    EXPECT_EQ(node_of(*space, 4), NodeId{1});
    EXPECT_EQ(node_of(*space, 7), NodeId{1});
    EXPECT_EQ(node_of(*space, 8), NodeId{0});
}

TEST_F(AreaPolicies, OfEqualValueJoinAreas) {
    set(4, 8, bound());
    set(8, 12, bound());
    EXPECT_EQ(space->areas.size(), 3U);
    set(4, 12, nullptr);
    EXPECT_EQ(space->areas.size(), 1U);
    EXPECT_EQ(node_of(*space, 5), NodeId{0});
}

TEST_F(AreaPolicies, KeepAreasApartThatMprotectMakesEqual) {
    set(4, 8, bound());
    rig.at_once([&](Operation& op) { rig.vm.protect(op, *space, page(0), 16 * page_size, vm::read); });
    EXPECT_EQ(space->areas.size(), 3U);
}

TEST_F(AreaPolicies, AreInherited) {
    set(4, 8, bound());
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    EXPECT_EQ(node_of(*child, 5), NodeId{1});
}

TEST_F(AreaPolicies, LeaveTheTasksPolicyAsItWas) {
    KernelPath path;
    PathLog log;
    MemoryPolicy tasks;
    Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .policy = &tasks};
    Vma area;
    area.policy = bound();
    {
        const AreaPolicy scope(op, area);
        EXPECT_EQ(op.policy, area.policy.get());
    }
    EXPECT_EQ(op.policy, &tasks);
    const AreaPolicy none(op, Vma{});
    EXPECT_EQ(op.policy, &tasks);
}

} // namespace
} // namespace pagewalk::os
