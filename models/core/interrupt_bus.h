#pragma once

#include "base/ids.h"
#include "contract/kernel_path.h"

#include <vector>

namespace pagewalk::models {

/// What a CPU does when another one drops translations it may hold.
class ShootdownTarget {
public:
    virtual ~ShootdownTarget() = default;
    /// Drops them at once and takes an interrupt soon.
    virtual void shoot_down(const TlbInvalidation& invalidation) = 0;
};

/// Inter-processor interrupts for TLB invalidation.
class ShootdownBus {
public:
    void connect(CpuId cpu, ShootdownTarget& target) {
        if (m_targets.size() <= index_of(cpu)) m_targets.resize(index_of(cpu) + 1);
        m_targets[index_of(cpu)] = &target;
    }
    /// Returns how many other CPUs were interrupted.
    std::size_t broadcast(CpuId from, const TlbInvalidation& invalidation) {
        std::size_t interrupted = 0;
        for (std::size_t cpu = 0; cpu < m_targets.size(); ++cpu)
            if (cpu != index_of(from) && invalidation.cpus[cpu] && m_targets[cpu] != nullptr) {
                m_targets[cpu]->shoot_down(invalidation);
                ++interrupted;
            }
        return interrupted;
    }

private:
    std::vector<ShootdownTarget*> m_targets;
};

} // namespace pagewalk::models
