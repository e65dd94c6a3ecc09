#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "contract/kernel_path.h"
#include "contract/requester.h"

#include <algorithm>
#include <cstdint>

namespace pagewalk::models {

/// What advances a CPU, as the other CPUs reach it.
class CpuWaker {
public:
    virtual ~CpuWaker() = default;
    /// The CPU, which waits or is idle, is to be advanced at `at`.
    virtual void wake_at(Tick at) = 0;
};

/// How far each CPU has come. CPUs run ahead of one another, yet what they do to each other must take place
/// in the order of simulated time. A CPU's horizon is a time up to which it has asked for all that it ever
/// will: who has something to do at a time that all others have reached comes before everything that they are
/// still to do. Method: conservative synchronisation (Fujimoto, "Parallel discrete event simulation", CACM
/// 1990).
class CpuHorizons {
public:
    /// From now on the others wait for this CPU.
    void connect(CpuId cpu) {
        if (!m_cpus.contains(cpu)) m_cpus.resize(index_of(cpu) + 1);
        m_cpus[cpu].horizon = Tick();
    }
    void connect(CpuId cpu, CpuWaker& waker) { m_cpus[cpu].waker = &waker; }

    void set(CpuId cpu, Tick horizon) { m_cpus[cpu].horizon = horizon; }
    /// A CPU that waits or is idle has something to do at `at`, which it did not know of.
    void wake(CpuId cpu, Tick at) {
        Entry& entry = m_cpus[cpu];
        entry.horizon = std::min(entry.horizon, at);
        entry.rest = Rest::None;
        if (entry.waker != nullptr) entry.waker->wake_at(at);
    }

    /// The CPU is idle and knows of nothing to do before its next quantum is over. Returns whether it may
    /// leave out the quanta until it has: none of the others would give it anything to do either.
    [[nodiscard]] bool rest(CpuId cpu) {
        Entry& entry = m_cpus[cpu];
        entry.rest = Rest::Short;
        for (std::size_t i = 0; i < m_cpus.size(); ++i)
            if (m_cpus[static_cast<CpuId>(i)].rest == Rest::None) return false;
        entry.rest = Rest::Long;
        return true;
    }
    /// The CPU is at work, or about to be; it has come to `now`. Those that leave quanta out look for work
    /// again.
    void stir(CpuId cpu, Tick now) {
        m_cpus[cpu].rest = Rest::None;
        for (std::size_t i = 0; i < m_cpus.size(); ++i)
            if (m_cpus[static_cast<CpuId>(i)].rest == Rest::Long) wake(static_cast<CpuId>(i), now);
    }
    /// A device interrupts nobody before `at`, unless it is given something to do.
    void set_device(DeviceId device, Tick at) {
        while (!m_devices.contains(device)) m_devices.push_back(no_time);
        m_devices[device] = at;
        m_device = *std::ranges::min_element(m_devices);
    }
    /// Have all CPUs but `cpu`, and the devices, reached `time`?
    [[nodiscard]] bool others_reached(CpuId cpu, Tick time) const {
        if (m_device < time) return false;
        for (std::size_t i = 0; i < m_cpus.size(); ++i)
            if (i != index_of(cpu) && m_cpus[static_cast<CpuId>(i)].horizon < time) return false;
        return true;
    }

private:
    enum class Rest : std::uint8_t { None, Short, Long };
    struct Entry {
        Tick horizon = no_time; ///< who is not connected asks for nothing
        CpuWaker* waker = nullptr;
        Rest rest = Rest::None;
    };
    IndexedVec<CpuId, Entry> m_cpus;
    IndexedVec<DeviceId, Tick> m_devices;
    Tick m_device = no_time; ///< the earliest
};

} // namespace pagewalk::models
