#include "base/rng.h"

#include <array>

#include <gtest/gtest.h>

using pagewalk::Rng;

TEST(Rng, StreamsDependOnSeedAndComponentOnly) {
    Rng a(1, "cpu0/l1d"), b(1, "cpu0/l1d"), c(1, "cpu1/l1d"), d(2, "cpu0/l1d");
    const std::uint64_t first = a.next();
    EXPECT_EQ(first, b.next());
    EXPECT_NE(first, c.next());
    EXPECT_NE(first, d.next());
}

TEST(Rng, BelowIsUniform) {
    Rng rng(1, "test");
    std::array<unsigned, 10> counts{};
    for (int i = 0; i < 100'000; ++i) ++counts[rng.below(10)];
    for (unsigned count : counts) EXPECT_NEAR(count, 10'000U, 400U);
}
