#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Sleeping and waking on a word shared between processes. Standard library only: the plugin includes it too.
namespace pagewalk::workloads {

/// Sleeps while `word` holds `seen`, at most `milliseconds`; may wake early.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, long milliseconds) {
    const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000};
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, seen, &limit, nullptr, 0);
}

inline void futex_wake(std::atomic<std::uint32_t>& word) {
    word.fetch_add(1, std::memory_order_relaxed);
    syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

} // namespace pagewalk::workloads
