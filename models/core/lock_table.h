#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/stats.h"
#include "base/time.h"
#include "models/core/cpu_horizons.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

namespace pagewalk::models {

struct LockStats {
    std::uint64_t acquisitions = 0;
    std::uint64_t contended = 0;
    std::uint64_t wait_ticks = 0;

    void declare(StatGroup group) const {
        group.counter("acquisitions", acquisitions, "count", "kernel spin locks taken");
        group.counter("contended", contended, "count", "of these, found held by another CPU");
        group.counter("wait_ticks", wait_ticks, "ps", "time spent spinning");
    }
};

/// The kernel's spin locks, shared by all CPUs: each is granted in the order of simulated time in which it
/// was asked for (as Linux's queued spin locks are), of two that ask at once to the lower CPU first, and
/// never held twice at a time. A CPU that runs ahead is told to come back when nobody can ask for an earlier
/// moment any more.
class LockTable {
public:
    explicit LockTable(CpuHorizons& horizons) : m_horizons(horizons) {}

    struct Answer {
        enum class Kind : std::uint8_t {
            Granted,
            TooEarly, ///< others may still ask before: to be asked again once they have reached `time`
            Held,     ///< the CPU is woken when the lock may be its own
        };
        Kind kind = Kind::Held;
        Tick time{}; ///< Granted: from when on the caller holds the lock, not before it asked
    };

    /// `cpu` wants the lock from `time` on. Contract: it wants no other and does not hold this one.
    void request(CpuId cpu, VirtAddr lock, Tick time) {
        Lock& wanted = m_locks[lock.value()];
        PAGEWALK_INVARIANT(wanted.holder != cpu);
        if (!m_requests.contains(cpu)) m_requests.resize(index_of(cpu) + 1);
        CpuId* place = &wanted.first;
        while (*place != nobody && comes_before(*place, time, cpu)) place = &m_requests[*place].next;
        m_requests[cpu] = {&wanted, time, *place};
        *place = cpu;
    }
    /// May `cpu` have the lock that it asked for? Contract: after Granted it is not asked again.
    [[nodiscard]] Answer answer(CpuId cpu) {
        const Request& mine = m_requests[cpu];
        Lock& lock = *mine.lock;
        if (lock.first != cpu || lock.holder != nobody) return {Answer::Kind::Held, {}};
        if (!m_horizons.others_reached(cpu, mine.time)) return {Answer::Kind::TooEarly, mine.time};
        lock.first = mine.next;
        lock.holder = cpu;
        const Tick start = std::max(mine.time, lock.free_from);
        ++m_stats.acquisitions;
        if (start != mine.time) {
            ++m_stats.contended;
            m_stats.wait_ticks += (start - mine.time).value();
        }
        return {Answer::Kind::Granted, start};
    }
    /// Contract: `cpu` holds the lock.
    void release(CpuId cpu, VirtAddr lock, Tick time) {
        Lock& held = m_locks[lock.value()];
        PAGEWALK_INVARIANT(held.holder == cpu);
        held.holder = nobody;
        held.free_from = time;
        if (held.first != nobody) m_horizons.wake(held.first, std::max(m_requests[held.first].time, time));
    }
    [[nodiscard]] const LockStats& stats() const { return m_stats; }

private:
    static constexpr CpuId nobody{0xffff};

    struct Lock {
        CpuId holder = nobody;
        CpuId first = nobody; ///< of those who have asked, by time
        Tick free_from{};     ///< when it was last released
    };
    struct Request {
        Lock* lock = nullptr;
        Tick time{};
        CpuId next = nobody;
    };
    [[nodiscard]] bool comes_before(CpuId other, Tick time, CpuId cpu) const {
        const Tick theirs = m_requests[other].time;
        return theirs < time || (theirs == time && other < cpu);
    }

    CpuHorizons& m_horizons;
    std::unordered_map<std::uint64_t, Lock> m_locks;
    IndexedVec<CpuId, Request> m_requests; ///< a CPU has one at a time
    LockStats m_stats;
};

} // namespace pagewalk::models
