#include "models/core/interrupt_bus.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

class Target final : public InterruptTarget {
public:
    void raise(const Interrupt& interrupt, Tick at) override { raised.push_back({interrupt, at}); }
    void shoot_down(const Shootdown& shootdown) override { shootdowns.push_back(shootdown); }
    void acknowledged(Tick at) override { acknowledgements.push_back(at); }

    struct Raised {
        Interrupt interrupt;
        Tick at;
    };
    std::vector<Raised> raised;
    std::vector<Shootdown> shootdowns;
    std::vector<Tick> acknowledgements;
};

struct InterruptBusTest : testing::Test {
    InterruptBusTest() {
        for (std::uint16_t i = 0; i < targets.size(); ++i) bus.connect(CpuId{i}, targets[i]);
    }
    std::array<Target, 4> targets;
    InterruptBus bus;
    TlbInvalidation invalidation{TlbInvalidation::Scope::Range, 7, VirtAddr(0x1000), VirtAddr(0x3000), {}};
};

TEST_F(InterruptBusTest, ShootDownGoesToTheMaskedCpusButTheSender) {
    invalidation.cpus.set(0).set(1).set(3);
    EXPECT_EQ(bus.shoot_down(CpuId{1}, invalidation, Tick(50)), 2U);
    EXPECT_EQ(targets[0].shootdowns.size(), 1U);
    EXPECT_TRUE(targets[1].shootdowns.empty());
    EXPECT_TRUE(targets[2].shootdowns.empty());
    EXPECT_EQ(targets[3].shootdowns.size(), 1U);
}

TEST_F(InterruptBusTest, ShootDownSaysWhatFromWhomAndWhen) {
    invalidation.cpus.set(2);
    EXPECT_EQ(bus.shoot_down(CpuId{0}, invalidation, Tick(50)), 1U);
    const Shootdown& got = targets[2].shootdowns.at(0);
    EXPECT_EQ(got.invalidation, &invalidation);
    EXPECT_EQ(got.sender, CpuId{0});
    EXPECT_EQ(got.arrival, Tick(50));
}

TEST_F(InterruptBusTest, SenderAloneInTheMaskInterruptsNobody) {
    invalidation.cpus.set(1);
    EXPECT_EQ(bus.shoot_down(CpuId{1}, invalidation, Tick(50)), 0U);
    for (const Target& target : targets) EXPECT_TRUE(target.shootdowns.empty());
}

TEST(InterruptBus, CpusThatAreNotConnectedAreSkipped) {
    InterruptBus bus;
    Target target;
    bus.connect(CpuId{5}, target);
    TlbInvalidation invalidation;
    invalidation.cpus.set();
    EXPECT_EQ(bus.shoot_down(CpuId{0}, invalidation, Tick()), 1U);
    EXPECT_EQ(target.shootdowns.size(), 1U);
}

TEST_F(InterruptBusTest, AcknowledgementGoesToTheSender) {
    bus.acknowledge(CpuId{2}, Tick(70));
    EXPECT_EQ(targets[2].acknowledgements, std::vector{Tick(70)});
    EXPECT_TRUE(targets[0].acknowledgements.empty());
}

TEST_F(InterruptBusTest, InterruptGoesToItsCpu) {
    bus.raise(CpuId{3}, {InterruptKind::Device, 11}, Tick(90));
    ASSERT_EQ(targets[3].raised.size(), 1U);
    EXPECT_EQ(targets[3].raised[0].interrupt.kind, InterruptKind::Device);
    EXPECT_EQ(targets[3].raised[0].interrupt.source, 11U);
    EXPECT_EQ(targets[3].raised[0].at, Tick(90));
    EXPECT_TRUE(targets[0].raised.empty());
}

} // namespace
} // namespace pagewalk::models
