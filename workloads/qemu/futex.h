#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Sleeping and waking on a word shared between processes. Standard library only: the plugin includes it too.
namespace pagewalk::workloads {

enum class FutexWait : std::uint8_t { Ended, Interrupted };

/// Sleeps while `word` holds `seen`, at most `milliseconds`; may wake early. Interrupted: a signal came.
inline FutexWait futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, long milliseconds) {
    const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000};
    const long result =
        syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, seen, &limit, nullptr, 0);
    return result != 0 && errno == EINTR ? FutexWait::Interrupted : FutexWait::Ended;
}

inline void futex_wake(std::atomic<std::uint32_t>& word) {
    word.fetch_add(1, std::memory_order_relaxed);
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

} // namespace pagewalk::workloads
