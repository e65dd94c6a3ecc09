#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk {

enum class InterruptKind : std::uint8_t {
    Shootdown,  ///< another CPU's FlushTlb step; the hardware sends and acknowledges it by itself
    Reschedule, ///< a task has become runnable for this CPU
    Device,     ///< a device has something to tell its driver
};

struct Interrupt {
    InterruptKind kind = InterruptKind::Device;
    std::uint32_t source = 0; ///< Device: which one, as the machine numbers its devices
};

/// Brings interrupts to CPUs.
class InterruptController {
public:
    virtual ~InterruptController() = default;
    /// `cpu` takes the interrupt at `at`, or as soon as it can where it is past that already; an idle CPU
    /// wakes for it. Contract: may be called from kernel paths and by devices, at any point of simulated
    /// time.
    virtual void raise(CpuId cpu, const Interrupt& interrupt, Tick at) = 0;
};

} // namespace pagewalk
