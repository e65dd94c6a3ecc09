#include "base/rng.h"
#include "models/cache/access_port.h"

#include <map>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(AccessPort, BeginsAsManyAsItHasAccessesInACycle) {
    AccessPort port(2, 1);
    EXPECT_EQ(port.begin(10), 10U);
    EXPECT_EQ(port.begin(10), 10U);
    EXPECT_EQ(port.begin(10), 11U);
    EXPECT_EQ(port.begin(9), 9U);
    EXPECT_EQ(port.begin(11), 11U);
    EXPECT_EQ(port.begin(11), 12U);
}

TEST(AccessPort, SpanSharesItsAccesses) {
    AccessPort port(4, 3);
    for (const std::uint64_t cycle : {9, 11, 10, 11}) EXPECT_EQ(port.begin(cycle), cycle);
    EXPECT_EQ(port.begin(9), 12U);
}

TEST(AccessPort, ReadWaitsWithThoseOfItsLine) {
    AccessPort port(1, 1);
    EXPECT_EQ(port.begin_read(10, 1), 10U);
    EXPECT_EQ(port.begin_read(10, 2), 11U);
    EXPECT_EQ(port.begin_read(10, 2), 11U); // takes no access of its own
    EXPECT_EQ(port.begin_read(10, 3), 12U);
    EXPECT_EQ(port.begin_read(11, 2), 13U); // that one begins now: too late to join
}

/// Times stamps in any order, now and then far back.
struct AnyOrder : testing::TestWithParam<std::pair<std::uint32_t, std::uint32_t>> {};

TEST_P(AnyOrder, NeverHoldsMoreThanItCanAndLetsNothingWaitInVain) {
    const auto [accesses, span] = GetParam();
    AccessPort port(accesses, span);
    Rng rng(1, "arrivals");
    std::map<std::uint64_t, std::uint32_t> taken; // by span
    std::uint64_t now = 10'000;
    for (int i = 0; i < 20'000; ++i) {
        now += rng.below(3) * span / accesses;
        const std::uint64_t cycle = now - rng.below(500);
        const std::uint64_t begins = port.begin(cycle);
        EXPECT_GE(begins, cycle);
        EXPECT_LE(++taken[begins / span], accesses);
        for (std::uint64_t full = cycle / span; full < begins / span; ++full)
            EXPECT_EQ(taken[full], accesses);
    }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AnyOrder,
                         testing::Values(std::pair{1U, 1U}, std::pair{2U, 1U}, std::pair{4U, 3U},
                                         std::pair{1U, 4U}));

} // namespace
} // namespace pagewalk::models
