#include "os/vm/numa_faults.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr NodeId node0{0}, node1{1};
constexpr std::uint64_t small = 1000; ///< resident pages: one window

struct NumaFaultsTest : testing::Test {
    NumaBalancingConfig config;
    NumaFaults faults{config, 2};
    std::uint64_t round = 0;

    void add(NodeId memory, std::uint64_t count, bool is_private = true,
             NumaFault::Migration migration = NumaFault::Migration::None) {
        for (std::uint64_t i = 0; i < count; ++i)
            faults.add({.memory = memory, .cpu = node0, .is_private = is_private, .migration = migration});
    }
    void weigh() { EXPECT_TRUE(faults.weigh(++round, small)); }
    static Tick seconds_of(std::uint64_t tenths) { return Tick(tenths * ticks_per_second / 10); }
};

TEST_F(NumaFaultsTest, ScansLargerMemoryMoreOften) {
    faults.start(small);
    EXPECT_EQ(faults.period(), seconds_of(10));
    faults.start(4 * 65536); // four scans of 256 MiB
    EXPECT_EQ(faults.period(), Tick(ticks_per_second / 4));
    faults.start(1000 * 65536); // not more than 2.5 GiB a second
    EXPECT_EQ(faults.period(), Tick(ticks_per_second / 10));
}

TEST_F(NumaFaultsTest, AreWeighedOnceARound) {
    add(node1, 3);
    EXPECT_FALSE(faults.weigh(0, small));
    EXPECT_TRUE(faults.weigh(1, small));
    EXPECT_FALSE(faults.weigh(1, small));
}

TEST_F(NumaFaultsTest, PreferTheNodeOfMostFaults) {
    EXPECT_FALSE(faults.preferred());
    add(node1, 8);
    add(node0, 2);
    weigh();
    EXPECT_EQ(faults.preferred(), node1);
    add(node0, 5); // against half of 8
    weigh();
    EXPECT_EQ(faults.preferred(), node0);
}

TEST_F(NumaFaultsTest, DoubleThePeriodWhereThereAreNone) {
    faults.start(small);
    weigh();
    EXPECT_EQ(faults.period(), seconds_of(20));
    EXPECT_TRUE(faults.backs_off());
    for (int i = 0; i < 10; ++i) weigh();
    EXPECT_EQ(faults.period(), seconds_of(600)); // the longest
}

TEST_F(NumaFaultsTest, DoubleThePeriodAfterAFailedMigration) {
    faults.start(small);
    add(node1, 9, false);
    add(node1, 1, false, NumaFault::Migration::Failed);
    weigh();
    EXPECT_EQ(faults.period(), seconds_of(20));
}

TEST_F(NumaFaultsTest, LengthenThePeriodWherePagesArePrivate) {
    faults.start(small);
    add(node0, 10);
    weigh();
    EXPECT_EQ(faults.period(), seconds_of(13)); // 10 of 10 private: three slots of a tenth
    EXPECT_FALSE(faults.backs_off());
}

TEST_F(NumaFaultsTest, ShortenThePeriodWherePagesAreSharedAndFar) {
    faults.start(small);
    for (int i = 0; i < 3; ++i) weigh(); // 8 s
    add(node0, 2, false);
    add(node1, 8, false);
    weigh();
    EXPECT_EQ(faults.period(), seconds_of(40)); // 2 of 10 local: five slots less
}

} // namespace
} // namespace pagewalk::os
