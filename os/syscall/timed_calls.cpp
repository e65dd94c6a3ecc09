#include "os/syscall/timed_calls.h"

#include "contract/time_out.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t ns_per_ms = 1'000'000;
/// 100 days: what a Tick can hold is some more.
constexpr std::uint64_t longest_ns = 100ULL * 86'400 * 1'000'000'000;

} // namespace

Tick slept(const SyscallRecord& call) {
    const auto time_out = time_out_of(call.number, call.arguments);
    if (!time_out || call.result != time_out->ran_out) return {};
    std::uint64_t ns = 0;
    if (time_out->form == TimeOut::Form::Milliseconds) {
        const auto ms = static_cast<std::int32_t>(call.arguments[time_out->argument]);
        ns = ms > 0 ? static_cast<std::uint64_t>(ms) * ns_per_ms : 0;
    } else if (!call.segments.empty()) {
        ns = call.segments.front().bytes;
    }
    return Tick(std::min(ns, longest_ns) * ticks_per_ns);
}

} // namespace pagewalk::os
