#pragma once

#include "base/address.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "os/task/task.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::os {

/// An access that a program completed when it ran, although the OS layer's address space did not allow it.
struct UnexplainedAccess {
    Tick time{};
    TaskId task{};
    VirtAddr address{};
    FaultAccess access = FaultAccess::Read;
    std::array<std::uint32_t, Task::calls_remembered> last_calls{}; ///< numbers, the latest first
};
/// "task 2 wrote 0x7f0000001000, after calls 30 29 9 1".
[[nodiscard]] std::string to_string(const UnexplainedAccess& access);

/// Counts them, and keeps the first for a warning.
class UnexplainedAccesses {
public:
    void add(const Task& task, VirtAddr address, FaultAccess access, Tick now);
    [[nodiscard]] const std::uint64_t& count() const { return m_count; }
    [[nodiscard]] std::span<const UnexplainedAccess> first() const { return m_first; }

private:
    static constexpr std::size_t most_kept = 10;
    std::uint64_t m_count = 0;
    std::vector<UnexplainedAccess> m_first;
};

} // namespace pagewalk::os
