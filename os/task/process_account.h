#pragma once

#include "base/ids.h"
#include "base/stats.h"
#include "contract/kernel_interface.h"
#include "os/path/kernel_events.h"

#include <array>
#include <cstdint>
#include <optional>

namespace pagewalk::os {

struct Program;

/// What a process has done, all its threads together. It outlives the process.
struct ProcessAccount {
    TaskId id{};                      ///< of its first thread; 0: the kernel's own threads and interrupts
    TaskId parent{};                  ///< the process that made it; 0: none
    std::int64_t known_as = 0;        ///< what the parent's fork returned
    const Program* program = nullptr; ///< null: the kernel's
    bool has_run = false;             ///< its instructions have shown up

    std::uint64_t threads = 0; ///< so far, ended ones too
    std::uint64_t exited = 0;  ///< of them
    ExecutedWork work;
    std::uint64_t system_calls = 0;
    std::uint64_t page_faults = 0;
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    std::array<std::uint64_t, fault_kind_count> faults{};
    std::uint64_t peak_rss = 0;       ///< bytes
    std::optional<KillReason> killed; ///< by the kernel

    /// In simulated time: the program's own world may be further.
    [[nodiscard]] bool has_ended() const { return has_run && exited == threads; }
    /// Adds what another process has done: threads add up, of the peaks the larger one counts.
    ProcessAccount& operator+=(const ProcessAccount& other);
    /// A fault is over.
    void count_fault(FaultKind kind);
    void declare(StatGroup group) const;
};

} // namespace pagewalk::os
