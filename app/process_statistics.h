#pragma once

#include "contract/process_record.h"
#include "os/task/process_account.h"
#include "results/run_state.h"

#include <deque>
#include <span>
#include <string>

namespace pagewalk::app {

/// How the processes of a program ended, as far as its workload is asked: that may wait for the program's
/// end.
enum class ProcessEnds : bool { Unknown, Known };

/// What each process has done, from power-on and since `start`, the accounts at the measurement's begin.
///
/// Processes are numbered from 1, program by program, in the order in which they began in the program's own
/// world, so that it does not depend on the host's pids; those follow that only the simulated kernel knows.
/// 0 is what the kernel did for no process.
[[nodiscard]] results::ProcessStatistics process_statistics(const std::deque<os::ProcessAccount>& accounts,
                                                            const std::deque<os::ProcessAccount>& start,
                                                            ProcessEnds ends);

/// A line a process, its first line the names of the columns, separated by tabs.
[[nodiscard]] std::string process_table_text(std::span<const results::ProcessFacts> processes);

} // namespace pagewalk::app
