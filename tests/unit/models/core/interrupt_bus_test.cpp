#include "models/core/shootdown_bus.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

class Target final : public ShootdownTarget {
public:
    void shoot_down(const TlbInvalidation& invalidation) override {
        ++count;
        last = invalidation;
    }
    unsigned count = 0;
    TlbInvalidation last;
};

struct ShootdownBusTest : testing::Test {
    ShootdownBusTest() {
        for (std::uint16_t i = 0; i < targets.size(); ++i) bus.connect(CpuId{i}, targets[i]);
    }
    std::array<Target, 4> targets;
    ShootdownBus bus;
    TlbInvalidation invalidation{TlbInvalidation::Scope::Range, 7, VirtAddr(0x1000), VirtAddr(0x3000), {}};
};

TEST_F(ShootdownBusTest, InterruptsTheMaskedCpusButTheSender) {
    invalidation.cpus.set(0).set(1).set(3);
    EXPECT_EQ(bus.broadcast(CpuId{1}, invalidation), 2U);
    EXPECT_EQ(targets[0].count, 1U);
    EXPECT_EQ(targets[1].count, 0U);
    EXPECT_EQ(targets[2].count, 0U);
    EXPECT_EQ(targets[3].count, 1U);
}

TEST_F(ShootdownBusTest, HandsTheInvalidationOn) {
    invalidation.cpus.set(2);
    EXPECT_EQ(bus.broadcast(CpuId{0}, invalidation), 1U);
    EXPECT_EQ(targets[2].last.pcid, 7);
    EXPECT_EQ(targets[2].last.start, VirtAddr(0x1000));
    EXPECT_EQ(targets[2].last.end, VirtAddr(0x3000));
}

TEST_F(ShootdownBusTest, SenderAloneInTheMaskInterruptsNobody) {
    invalidation.cpus.set(1);
    EXPECT_EQ(bus.broadcast(CpuId{1}, invalidation), 0U);
    for (const Target& target : targets) EXPECT_EQ(target.count, 0U);
}

TEST(ShootdownBus, CpusThatAreNotConnectedAreSkipped) {
    ShootdownBus bus;
    Target target;
    bus.connect(CpuId{5}, target);
    TlbInvalidation invalidation;
    invalidation.cpus.set();
    EXPECT_EQ(bus.broadcast(CpuId{0}, invalidation), 1U);
    EXPECT_EQ(target.count, 1U);
}

} // namespace
} // namespace pagewalk::models
