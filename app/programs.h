#pragma once

#include "app/system_config.h"
#include "app/workload_source.h"
#include "contract/instruction_stream.h"
#include "os/kernel/kernel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pagewalk::app {

/// What a run executes: one workload, or the programs, traces and generators of the [program.N] sections side
/// by side.
class Programs {
public:
    /// Opens and starts what the sections name. Nothing is started where one of them cannot be. Throws
    /// InputError.
    Programs(const SystemConfig& config, const ProgramSurroundings& surroundings);
    /// The workload alone, as number 0.
    Programs(const SystemConfig& config, std::unique_ptr<Workload> only);

    struct Program {
        os::ProgramPlacement placement;
        const ProgramConfig* section = nullptr;           ///< null: the workload alone
        std::vector<std::unique_ptr<Workload>> workloads; ///< the last one runs; the kernel knows them all

        [[nodiscard]] Workload& workload() const { return *workloads.back(); }
        /// A trace or generator that has ended can begin again, a live program cannot.
        [[nodiscard]] bool can_restart() const { return section != nullptr && section->command.empty(); }
    };
    [[nodiscard]] const std::vector<Program>& all() const { return m_programs; }
    [[nodiscard]] bool side_by_side() const { return m_programs.front().section != nullptr; }

    /// For people: what runs.
    [[nodiscard]] std::string description() const;
    /// One of them has the user's terminal.
    [[nodiscard]] bool is_live() const;
    /// Instructions of the whole run with its limits; 0 where nobody knows.
    [[nodiscard]] std::uint64_t expected_instructions() const;

    void start(os::Kernel& kernel);
    void restart(std::size_t index, os::Kernel& kernel, const os::Moment& moment);

private:
    [[nodiscard]] std::unique_ptr<Workload> open(const ProgramConfig& section,
                                                 const ProgramSurroundings& surroundings) const;

    const SystemConfig& m_config;
    std::vector<Program> m_programs;
};

} // namespace pagewalk::app
