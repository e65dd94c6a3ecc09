#include "workloads/synthetic/object_schedule.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

KernelObjectsConfig config_of(ObjectPattern pattern) {
    KernelObjectsConfig config;
    config.pattern = pattern;
    config.slots = 10;
    config.batch = 4;
    config.operations = 400;
    return config;
}

std::vector<ObjectOperation> all(const KernelObjectsConfig& config, std::uint32_t thread = 0,
                                 std::uint32_t threads = 1) {
    Rng rng(1, "test");
    ObjectSchedule schedule(config, {{64, 1}, {128, 1}, {256, 1}}, thread, threads, rng);
    std::vector<ObjectOperation> operations;
    for (ObjectOperation one; schedule.next(one);) operations.push_back(one);
    return operations;
}

class EveryPattern : public ::testing::TestWithParam<ObjectPattern> {};

TEST_P(EveryPattern, NeverFreesWhatIsNotLiveNorFillsASlotTwice) {
    std::map<std::uint64_t, std::uint32_t> live;
    std::uint64_t objects = 0;
    for (const ObjectOperation& one : all(config_of(GetParam()))) {
        objects += one.count;
        for (std::uint64_t handle = one.handle; handle < one.handle + one.count; ++handle) {
            ASSERT_LT(handle, 10U);
            if (one.kind == ObjectOperation::Kind::Allocate) {
                ASSERT_TRUE(live.emplace(handle, one.share).second);
            } else {
                ASSERT_TRUE(live.contains(handle));
                EXPECT_EQ(live.at(handle), one.share);
                live.erase(handle);
            }
        }
    }
    EXPECT_EQ(objects, 400U);
}

INSTANTIATE_TEST_SUITE_P(Patterns, EveryPattern,
                         ::testing::Values(ObjectPattern::Churn, ObjectPattern::Pairs, ObjectPattern::Fill,
                                           ObjectPattern::Remote));

TEST(ObjectSchedule, FillsEverySlotBeforeItEmptiesTheFirst) {
    const auto operations = all(config_of(ObjectPattern::Fill));
    ASSERT_GE(operations.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(operations[i].kind, i < 3 ? ObjectOperation::Kind::Allocate : ObjectOperation::Kind::Free);
        EXPECT_EQ(operations[i].handle, i % 3 * 4);
        EXPECT_EQ(operations[i].count, i % 3 == 2 ? 2U : 4U);
    }
}

TEST(ObjectSchedule, OrdersRemoteCallsSoThatObjectsAreMadeBeforeAnotherThreadFreesThem) {
    constexpr std::uint32_t threads = 3;
    std::map<std::uint64_t, std::pair<std::uint32_t, ObjectOperation>> by_order;
    for (std::uint32_t thread = 0; thread < threads; ++thread)
        for (const ObjectOperation& one : all(config_of(ObjectPattern::Remote), thread, threads))
            EXPECT_TRUE(by_order.emplace(one.order, std::pair{thread, one}).second);
    std::map<std::uint64_t, std::uint32_t> maker;
    std::uint64_t expected = 0, freed = 0;
    for (const auto& [order, call] : by_order) {
        EXPECT_EQ(order, ++expected);
        const auto& [thread, one] = call;
        for (std::uint64_t handle = one.handle; handle < one.handle + one.count; ++handle) {
            if (one.kind == ObjectOperation::Kind::Allocate) {
                ASSERT_TRUE(maker.emplace(handle, thread).second);
            } else {
                ASSERT_TRUE(maker.contains(handle));
                EXPECT_EQ((maker.at(handle) + 1) % threads, thread);
                maker.erase(handle);
                ++freed;
            }
        }
    }
    EXPECT_TRUE(maker.empty());
    EXPECT_EQ(freed, 600U);
}

} // namespace
} // namespace pagewalk::workloads
