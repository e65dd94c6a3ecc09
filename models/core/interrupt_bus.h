#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "contract/interrupt.h"
#include "contract/kernel_path.h"

#include <cstddef>

namespace pagewalk::models {

/// An inter-processor interrupt that asks for translations to be dropped.
struct Shootdown {
    const TlbInvalidation* invalidation = nullptr; ///< valid until it is acknowledged
    CpuId sender{};
    Tick arrival{};
};

/// A CPU as the interrupt bus sees it.
class InterruptTarget {
public:
    virtual ~InterruptTarget() = default;
    virtual void raise(const Interrupt& interrupt, Tick at) = 0;
    /// Contract: the target acknowledges it to the sender, at once or when it comes to it.
    virtual void shoot_down(const Shootdown& shootdown) = 0;
    /// One of the CPUs that this one has sent a shoot-down to has dropped its translations at `at`.
    virtual void acknowledged(Tick at) = 0;
};

/// Carries interrupts to CPUs, and shoot-downs and their acknowledgements between them.
class InterruptBus final : public InterruptController {
public:
    void connect(CpuId cpu, InterruptTarget& target) {
        if (!m_targets.contains(cpu)) m_targets.resize(index_of(cpu) + 1);
        m_targets[cpu] = &target;
    }
    void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
        PAGEWALK_INVARIANT(m_targets.contains(cpu) && m_targets[cpu] != nullptr);
        m_targets[cpu]->raise(interrupt, at);
    }
    /// To the other CPUs of the invalidation's mask. Returns how many there are.
    std::size_t shoot_down(CpuId sender, const TlbInvalidation& invalidation, Tick arrival) {
        std::size_t sent = 0;
        for (std::size_t i = 0; i < m_targets.size(); ++i) {
            InterruptTarget* const target = m_targets[static_cast<CpuId>(i)];
            if (i == index_of(sender) || !invalidation.cpus[i] || target == nullptr) continue;
            target->shoot_down({&invalidation, sender, arrival});
            ++sent;
        }
        return sent;
    }
    void acknowledge(CpuId sender, Tick at) { m_targets[sender]->acknowledged(at); }

private:
    IndexedVec<CpuId, InterruptTarget*> m_targets;
};

} // namespace pagewalk::models
