#include "models/core/timed_queue.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(TimedQueue, EarliestComesFirst) {
    TimedQueue<int> queue;
    queue.push(Tick(20), 2);
    queue.push(Tick(10), 1);
    queue.push(Tick(30), 3);
    for (const int expected : {1, 2, 3}) {
        EXPECT_EQ(queue.earliest(), Tick(static_cast<std::uint64_t>(expected) * 10));
        EXPECT_EQ(queue.pop(), expected);
    }
    EXPECT_TRUE(queue.empty());
}

TEST(TimedQueue, OfEqualTimesWhatCameFirstGoesFirst) {
    TimedQueue<int> queue;
    for (const int item : {1, 2, 3}) queue.push(Tick(5), item);
    for (const int expected : {1, 2, 3}) EXPECT_EQ(queue.pop(), expected);
}

TEST(TimedQueue, EmptyQueueHasNothingEver) { EXPECT_EQ(TimedQueue<int>().earliest(), no_time); }

} // namespace
} // namespace pagewalk::models
