#pragma once

#include "base/time.h"
#include "contract/kernel_path.h"
#include "os/path/operation.h"

#include <cstdint>

namespace pagewalk::os {

/// The work of one of the kernel's own threads. It is scheduled as programs are; what it does between two
/// looks of the scheduler is one call of run().
class KernelThread {
public:
    virtual ~KernelThread() = default;

    struct Rest {
        enum class Kind : std::uint8_t {
            Yield, ///< has more to do, but others may run first
            Sleep, ///< until it is woken, or until `until`
        };
        Kind kind = Kind::Sleep;
        Tick until = no_time;
    };
    /// Does a piece of its work at op.now. `Woken::Early`: it was woken before its sleep's end.
    enum class Woken : std::uint8_t { Early, InTime };
    [[nodiscard]] virtual Rest run(Operation& op, Woken woken) = 0;
};

} // namespace pagewalk::os
