#pragma once

#include <cstdint>
#include <linux/filter.h>
#include <vector>

namespace pagewalk::workloads {

/// Which machine the program sees.
enum class ShownMachine : std::uint8_t { Host, Simulated };

/// The seccomp program under which a supervised QEMU and its children run: execve and execveat stop for the
/// tracer, and so do writes to descriptor 2 whose length is that of QEMU's own remark on a fatal signal,
/// interval timers of the host's clock, and SIGKILLs that are sent. Where the program is to see another
/// machine than the host, calls that tell of the machine stop too, and those that look a file name up
/// (machine_calls.h). mlockall does nothing and says that it did. Every other call goes straight through.
/// Errors: RunError.
[[nodiscard]] std::vector<sock_filter> exec_filter(ShownMachine machine = ShownMachine::Host);

/// Puts the calling thread and what it starts under `filter`, for good. System calls only, so it may run
/// between fork and exec. False, with errno, where the host does not allow it.
[[nodiscard]] bool install_filter(const std::vector<sock_filter>& filter);

/// What QEMU 7.2 prints on the program's stderr when a signal kills the program.
[[nodiscard]] bool is_emulator_remark(const char* text, std::size_t bytes);

} // namespace pagewalk::workloads
