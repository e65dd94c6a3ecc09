#pragma once

#include <atomic>
#include <cstdint>
#include <pthread.h>

namespace pagewalk::workloads {

/// Lets one call at a time of a process change its address space, as the kernel does, and counts their
/// beginnings and ends: the space epoch (space_order.h). A thread is created under the same lock, so that its
/// creation has returned before any later change begins.
class SpaceLock {
public:
    [[nodiscard]] std::uint64_t epoch() const { return m_epoch.load(std::memory_order_acquire); }
    void lock() { pthread_mutex_lock(&m_mutex); }
    void unlock() { pthread_mutex_unlock(&m_mutex); }
    /// A call begins or ends; the lock is held. Returns the epoch from here on.
    std::uint64_t advance() { return m_epoch.fetch_add(1) + 1; }

    /// A new image of a process that has come to `epoch`: a change that was under way has ended with the old
    /// one.
    void go_on_from(std::uint64_t epoch) { m_epoch.store(epoch & ~1ULL); }

    void add_thread() { m_threads.fetch_add(1); }
    void drop_thread() { m_threads.fetch_sub(1); }
    [[nodiscard]] bool is_shared() const { return m_threads.load() > 1; }
    /// After fork, in the child: its thread is the only one, whoever held the lock.
    void become_child() {
        m_mutex = PTHREAD_MUTEX_INITIALIZER;
        m_threads.store(1);
    }

private:
    alignas(64) std::atomic<std::uint64_t> m_epoch = 0; ///< read at every block
    alignas(64) pthread_mutex_t m_mutex = PTHREAD_MUTEX_INITIALIZER;
    std::atomic<std::uint32_t> m_threads = 0;
};

} // namespace pagewalk::workloads
