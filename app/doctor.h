#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::app {

/// One thing that Pagewalk needs of its host.
struct Finding {
    enum class State { Good, Limited, Missing } state = State::Good;
    std::string subject;
    std::string text; ///< what was found; where it is not good, what fails and what helps
};

/// Looks at the host: processor, memory, QEMU, tracing of processes, Python, Slurm, the folder for results.
[[nodiscard]] std::vector<Finding> examine_host();

/// A line a finding. Returns the exit status: 1 where something is missing that runs cannot do without.
int print_findings(std::span<const Finding> findings, std::ostream& out);

/// `pagewalk doctor`. `arguments` are those after "doctor". Throws InputError.
int run_doctor(std::span<const std::string> arguments);

} // namespace pagewalk::app
