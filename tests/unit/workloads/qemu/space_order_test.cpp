#include "workloads/qemu/space_order.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

struct Resting final : SpaceOrder::Position {
    bool at_rest = false;
    [[nodiscard]] bool is_at_rest() const override { return at_rest; }
};

/// Threads 0 and 1 of process 10, thread 2 of process 20.
class SpaceOrderTest : public testing::Test {
protected:
    SpaceOrderTest() {
        m_order.join(0, {10, 10, 1, 0}, nullptr);
        m_order.join(1, {11, 10, 1, 0}, &m_second);
        m_order.join(2, {20, 20, 10, 0}, nullptr);
    }
    Resting m_second;
    SpaceOrder m_order;
};

TEST_F(SpaceOrderTest, HoldsAChangeBackUntilTheOthersHaveComeToIt) {
    EXPECT_FALSE(m_order.may_change(0, 1));
    m_order.reach(1, 1);
    EXPECT_TRUE(m_order.may_change(0, 1));
}

TEST_F(SpaceOrderTest, HoldsAThreadBackUntilAChangeBeforeItHasTakenPlace) {
    EXPECT_TRUE(m_order.may_pass(1, 1)); // seen while it was under way
    EXPECT_FALSE(m_order.may_pass(1, 2));
    EXPECT_FALSE(m_order.may_pass(1, 3));
    m_order.change_took_place(0, 1);
    EXPECT_TRUE(m_order.may_pass(1, 2));
    EXPECT_TRUE(m_order.may_pass(1, 3));
    EXPECT_FALSE(m_order.may_pass(1, 4));
}

TEST_F(SpaceOrderTest, DoesNotWaitForAThreadThatRestsInACall) {
    m_second.at_rest = true;
    EXPECT_TRUE(m_order.may_change(0, 1));
}

TEST_F(SpaceOrderTest, DoesNotWaitForAThreadThatHasEnded) {
    m_order.leave(1);
    EXPECT_TRUE(m_order.may_change(0, 1));
}

TEST_F(SpaceOrderTest, KeepsProcessesApart) {
    EXPECT_TRUE(m_order.may_change(2, 1));
    m_order.change_took_place(2, 1);
    EXPECT_FALSE(m_order.may_pass(0, 2));
}

TEST_F(SpaceOrderTest, CountsOnInTheChildOfAFork) {
    m_order.join(3, {30, 30, 10, 6}, nullptr);
    EXPECT_TRUE(m_order.may_pass(3, 6));
    EXPECT_FALSE(m_order.may_pass(3, 8));
}

TEST_F(SpaceOrderTest, TakesAnIdThatComesAgainForAnotherProcess) {
    m_order.leave(2);
    m_order.join(3, {20, 20, 10, 0}, nullptr);
    m_order.join(4, {21, 20, 10, 0}, nullptr);
    EXPECT_FALSE(m_order.may_change(3, 1));
    m_order.reach(4, 1);
    EXPECT_TRUE(m_order.may_change(3, 1));
}

} // namespace
} // namespace pagewalk::workloads
