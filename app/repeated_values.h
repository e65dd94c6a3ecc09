#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// One statistic over the repeats of a point: a value a seed.
struct RepeatedValues {
    std::vector<double> values;
    std::vector<std::uint64_t> seeds;

    [[nodiscard]] double mean() const;
};

/// How a statistic differs between two runs, or two sets of repeats.
struct Movement {
    double before = 0, after = 0; ///< means
    double half_width = 0;        ///< of the difference's 95 % interval; NaN without repeats
    bool is_beyond_noise = false;
};

/// Quantile of Student's t, two-sided 95 %. Source: NIST/SEMATECH e-Handbook, 1.3.6.7.2.
[[nodiscard]] double student_t_95(unsigned freedom);

/// Compares means. A difference is beyond noise where it is at least `least_share` of the larger mean and
/// outside its interval: by pairs where both have the same seeds, else Welch's. Without repeats the interval
/// of a number of events (`is_count`) is that of Poisson's distribution, and of other values unknown and
/// taken as 0.
[[nodiscard]] Movement movement_between(const RepeatedValues& before, const RepeatedValues& after,
                                        bool is_count, double least_share);

/// For sorting by importance: |ln(after / before)|, at most that of a factor of 1000; that where one is 0.
[[nodiscard]] double size_of(const Movement& movement);

} // namespace pagewalk::app
