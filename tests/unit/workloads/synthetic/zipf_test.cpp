#include "workloads/synthetic/permutation.h"
#include "workloads/synthetic/zipf.h"

#include <cmath>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

TEST(Zipf, DrawsRanksByThePowerLaw) {
    for (const std::uint32_t percent : {0U, 50U, 99U, 150U}) {
        constexpr std::uint64_t n = 2000, draws = 2'000'000;
        const Zipf zipf(n, percent);
        Rng rng(1, "zipf");
        std::vector<double> hits(n);
        for (std::uint64_t i = 0; i < draws; ++i) ++hits.at(zipf.draw(rng));
        double total = 0;
        for (std::uint64_t r = 1; r <= n; ++r) total += std::pow(r, -double(percent) / 100);
        for (std::uint64_t r = 1; r <= 16; ++r) {
            const double expected = draws * std::pow(r, -double(percent) / 100) / total;
            EXPECT_NEAR(hits[r - 1], expected, 5 * std::sqrt(expected) + expected * 0.01)
                << percent << " rank " << r;
        }
        double tail = 0, expected_tail = 0;
        for (std::uint64_t r = 1001; r <= n; ++r) {
            tail += hits[r - 1];
            expected_tail += draws * std::pow(r, -double(percent) / 100) / total;
        }
        EXPECT_NEAR(tail, expected_tail, 5 * std::sqrt(expected_tail) + expected_tail * 0.02) << percent;
    }
}

TEST(Zipf, StaysInRangeAtTheExtremes) {
    Rng rng(1, "zipf");
    EXPECT_EQ(Zipf(1, 99).draw(rng), 0U);
    const Zipf wide(1ULL << 36, 99), steep(1ULL << 36, 400);
    std::uint64_t largest = 0, largest_steep = 0;
    for (int i = 0; i < 100'000; ++i) {
        largest = std::max(largest, wide.draw(rng));
        largest_steep = std::max(largest_steep, steep.draw(rng));
    }
    EXPECT_LT(largest, 1ULL << 36);
    EXPECT_GT(largest, 1ULL << 34);
    EXPECT_LT(largest_steep, 1000U);
}

TEST(Permutation, MapsEveryNumberToAnother) {
    for (const std::uint64_t n : {1ULL, 2ULL, 3ULL, 7ULL, 64ULL, 1000ULL, 65'537ULL}) {
        Rng rng(n, "permutation");
        const Permutation permutation(n, rng);
        std::vector<bool> seen(n);
        for (std::uint64_t i = 0; i < n; ++i) {
            const std::uint64_t image = permutation(i);
            ASSERT_LT(image, n);
            EXPECT_FALSE(seen[image]);
            seen[image] = true;
        }
    }
}

} // namespace
} // namespace pagewalk::workloads
