#pragma once

#include "os/path/operation.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// The part of a driver that answers its device.
class InterruptHandler {
public:
    virtual ~InterruptHandler() = default;
    /// Writes what the handler does, on the interrupted CPU's path. It may not wait.
    virtual void interrupted(Operation& op) = 0;
};

/// Which driver answers which device, by the number that the machine gave the device.
class InterruptLines {
public:
    /// Registers the driver of a device; it must outlive the lines. Throws ConfigError where the device has
    /// a driver already.
    void request(std::uint32_t source, InterruptHandler& handler);
    /// Runs the handler of an interrupt. False where no driver asked for it.
    bool deliver(Operation& op, std::uint32_t source) const;

private:
    std::vector<InterruptHandler*> m_handlers; ///< by device; null: nobody's
};

} // namespace pagewalk::os
