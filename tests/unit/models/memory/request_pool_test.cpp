#include "models/memory/request_pool.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(RequestPool, IsFullUntilANumberIsReleased) {
    RequestPool pool(2);
    const std::uint16_t first = pool.take({.line = 1}), second = pool.take({.line = 2});
    EXPECT_TRUE(pool.full());
    EXPECT_EQ(pool[first].line, 1U);
    EXPECT_EQ(pool[second].line, 2U);
    pool.release(first);
    EXPECT_FALSE(pool.full());
    EXPECT_EQ(pool.take({.line = 3}), first);
}

TEST(ArrivalQueue, KeepsTheOrderOfArrivalWhateverTheOrderOfInsertion) {
    RequestPool pool(8);
    ArrivalQueue queue(8);
    std::vector<std::uint16_t> numbers;
    for (const std::uint64_t arrival : {30, 10, 20, 20}) numbers.push_back(pool.take({.arrival = arrival}));
    EXPECT_EQ(queue.insert(numbers[0], pool), 0U);
    EXPECT_EQ(queue.insert(numbers[1], pool), 0U);
    EXPECT_EQ(queue.insert(numbers[2], pool), 1U);
    EXPECT_EQ(queue.insert(numbers[3], pool), 2U); // behind its equal
    for (const std::size_t expected : {1U, 2U, 3U, 0U}) {
        EXPECT_EQ(queue.front(), numbers[expected]);
        queue.pop();
    }
    EXPECT_TRUE(queue.empty());
}

} // namespace
} // namespace pagewalk::models
