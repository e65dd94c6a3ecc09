#include "app/repeated_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace pagewalk::app {

namespace {

double variance(const std::vector<double>& values) {
    const double count = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
    double sum = 0;
    for (const double value : values) sum += (value - mean) * (value - mean);
    return sum / (count - 1);
}

double paired_half_width(const RepeatedValues& a, const RepeatedValues& b) {
    std::vector<double> differences(a.values.size());
    std::ranges::transform(a.values, b.values, differences.begin(), [](double x, double y) { return y - x; });
    const double count = static_cast<double>(differences.size());
    return student_t_95(static_cast<unsigned>(differences.size() - 1)) *
           std::sqrt(variance(differences) / count);
}

/// Where one side has a single value, the other one's variance stands for both.
double welch_half_width(const RepeatedValues& a, const RepeatedValues& b) {
    const double count_a = static_cast<double>(a.values.size()),
                 count_b = static_cast<double>(b.values.size());
    const double variance_a = a.values.size() > 1 ? variance(a.values) : variance(b.values);
    const double variance_b = b.values.size() > 1 ? variance(b.values) : variance_a;
    const double part_a = variance_a / count_a, part_b = variance_b / count_b;
    const double sum = part_a + part_b;
    if (sum == 0) return 0;
    const double freedom =
        sum * sum /
        (part_a * part_a / std::max(1.0, count_a - 1) + part_b * part_b / std::max(1.0, count_b - 1));
    return student_t_95(static_cast<unsigned>(std::max(1.0, freedom))) * std::sqrt(sum);
}

} // namespace

double RepeatedValues::mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double student_t_95(unsigned freedom) {
    static constexpr std::array<double, 30> table{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                                  2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                                  2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                                  2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
    return freedom <= table.size() ? table[freedom - 1] : 1.960 + 2.37 / freedom;
}

Movement movement_between(const RepeatedValues& before, const RepeatedValues& after, bool is_count,
                          double least_share) {
    constexpr double normal_95 = 1.960;
    Movement movement{before.mean(), after.mean()};
    const double difference = std::abs(movement.after - movement.before);
    double noise = 0;
    if (before.values.size() == 1 && after.values.size() == 1) {
        movement.half_width = std::numeric_limits<double>::quiet_NaN();
        if (is_count) noise = normal_95 * std::sqrt(movement.before + movement.after);
    } else {
        noise = movement.half_width =
            before.seeds == after.seeds ? paired_half_width(before, after) : welch_half_width(before, after);
    }
    const double larger = std::max(std::abs(movement.before), std::abs(movement.after));
    movement.is_beyond_noise =
        difference > noise && difference >= least_share * larger; // never where one is NaN
    return movement;
}

double size_of(const Movement& movement) {
    static const double most = std::log(1000);
    if (movement.before <= 0 || movement.after <= 0) return most;
    return std::min(most, std::abs(std::log(movement.after / movement.before)));
}

} // namespace pagewalk::app
