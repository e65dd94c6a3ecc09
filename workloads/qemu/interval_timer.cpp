#include "workloads/qemu/interval_timer.h"

#include <algorithm>
#include <cstdint>

namespace pagewalk::workloads {
namespace {

constexpr std::int64_t us_per_s = 1'000'000;
constexpr std::int64_t slowdown = 100;
constexpr std::int64_t longest_us = us_per_s / 2;

timeval stretched(const timeval& asked) {
    const std::int64_t us = asked.tv_sec * us_per_s + asked.tv_usec;
    const std::int64_t longer = std::max(us, std::min(us * slowdown, longest_us));
    return {longer / us_per_s, longer % us_per_s};
}

} // namespace

itimerval stretched(const itimerval& asked) {
    return {.it_interval = stretched(asked.it_interval), .it_value = stretched(asked.it_value)};
}

} // namespace pagewalk::workloads
