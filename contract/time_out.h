#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <linux/futex.h>
#include <optional>
#include <sys/syscall.h>

/// How long system calls are asked to wait at most. Standard library only: QEMU's plugin includes it too.
namespace pagewalk {

struct TimeOut {
    enum class Form : std::uint8_t {
        Milliseconds, ///< the argument itself, an int; below zero: for ever
        Timespec,     ///< a pointer; null: for ever
        Timeval,      ///< likewise
    };
    std::uint8_t argument = 0;
    Form form = Form::Timespec;
    std::int64_t ran_out = 0;         ///< what the call returns when the time has passed
    std::optional<clockid_t> clock{}; ///< a point in this clock's time; absent: a span
};

/// Absent for calls that take none.
[[nodiscard]] inline std::optional<TimeOut> time_out_of(std::uint64_t number,
                                                        const std::array<std::uint64_t, 6>& arguments) {
    using Form = TimeOut::Form;
    switch (number) {
    case SYS_poll:
        return TimeOut{.argument = 2, .form = Form::Milliseconds};
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
        return TimeOut{.argument = 3, .form = Form::Milliseconds};
    case SYS_select:
        return TimeOut{.argument = 4, .form = Form::Timeval};
    case SYS_pselect6:
        return TimeOut{.argument = 4};
    case SYS_nanosleep:
        return TimeOut{.argument = 0};
    case SYS_ppoll:
        return TimeOut{.argument = 2};
    case SYS_epoll_pwait2:
        return TimeOut{.argument = 3};
    case SYS_rt_sigtimedwait:
        return TimeOut{.argument = 2, .ran_out = -EAGAIN};
    case SYS_clock_nanosleep:
        if (arguments[1] == TIMER_ABSTIME)
            return TimeOut{.argument = 2, .clock = static_cast<clockid_t>(arguments[0])};
        return TimeOut{.argument = 2};
    case SYS_futex:
        break;
    default:
        return std::nullopt;
    }
    const clockid_t clock = (arguments[1] & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    switch (arguments[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return TimeOut{.argument = 3, .ran_out = -ETIMEDOUT};
    case FUTEX_WAIT_BITSET:
        return TimeOut{.argument = 3, .ran_out = -ETIMEDOUT, .clock = clock};
    case FUTEX_LOCK_PI:
        return TimeOut{.argument = 3, .ran_out = -ETIMEDOUT, .clock = CLOCK_REALTIME};
    default:
        return std::nullopt;
    }
}

} // namespace pagewalk
