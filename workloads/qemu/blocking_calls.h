#pragma once

#include "contract/instruction_stream.h"

namespace pagewalk::workloads {

/// True for a system call that may wait for what another thread or process does, or for a time: its beginning
/// is delivered by itself (StreamStatus::Entered), so that nobody waits for a place in the order that only
/// its end would show. By number and arguments alone, never by how long it took. x86-64 numbers.
[[nodiscard]] bool may_block(const SyscallRecord& call);

/// True for a system call that does nothing but let a given time pass.
[[nodiscard]] bool sleeps_for_a_time(const SyscallRecord& call);

/// True for a system call that waits for a signal, which a timer or somebody outside may send.
[[nodiscard]] bool waits_for_a_signal(const SyscallRecord& call);

/// The name of a system call, for messages; "system call N" where the kernel has none.
[[nodiscard]] std::string name_of_call(std::uint32_t number);

} // namespace pagewalk::workloads
