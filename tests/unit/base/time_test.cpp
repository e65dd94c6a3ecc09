#include "base/time.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(Clock, ConvertsWholePeriodsExactly) {
    const Clock clock(4'000'000'000);
    EXPECT_EQ(clock.to_ticks(Cycles(4)), Tick(1000));
    EXPECT_EQ(clock.to_cycles(Tick(1000)), Cycles(4));
    EXPECT_EQ(clock.to_cycles(Tick(1001)), Cycles(5));
}

TEST(Clock, RoundTripsForFrequenciesThatDoNotDivideATerahertz) {
    for (std::uint64_t hertz : {3'200'000'000ULL, 2'999'999'999ULL, 1'600'000'000ULL, 3'333'333'333ULL}) {
        const Clock clock(hertz);
        for (std::uint64_t n = 0; n < 5'000'000'000'000ULL; n = n * 3 + 7)
            EXPECT_EQ(clock.to_cycles(clock.to_ticks(Cycles(n))), Cycles(n)) << hertz << " " << n;
    }
}

TEST(Clock, DriftsByLessThanACycleInAnHour) {
    const Clock clock(3'200'000'000);
    const std::uint64_t cycles = 3600ULL * 3'200'000'000ULL;
    EXPECT_NEAR(static_cast<double>(clock.to_ticks(Cycles(cycles)).value()), 3600.0 * 1e12, 313.0);
}
