#include "app/programs.h"

#include "app/words.h"
#include "workloads/qemu/guest_executable.h"

#include <algorithm>

namespace pagewalk::app {

Programs::Programs(const SystemConfig& config, const ProgramSurroundings& surroundings) : m_config(config) {
    bool any_live = false;
    for (const auto& [number, section] : config.programs) {
        m_programs.push_back({{static_cast<os::ProgramNumber>(number), section.allowed, section.start,
                               section.policy, section.memory.limits()},
                              &section,
                              {}});
        any_live |= !section.command.empty();
        if (!section.command.empty()) (void)workloads::find_guest_executable(split_words(section.command));
    }
    for (Program& program : m_programs)
        if (program.can_restart()) program.workloads.push_back(open(*program.section, surroundings));
    if (any_live) run_setup(config.workload, surroundings.directory);
    for (Program& program : m_programs)
        if (!program.can_restart()) program.workloads.push_back(open(*program.section, surroundings));
}

Programs::Programs(const SystemConfig& config, std::unique_ptr<Workload> only) : m_config(config) {
    m_programs.emplace_back().workloads.push_back(std::move(only));
    m_programs.front().placement.policy = config.workload.policy;
    m_programs.front().placement.limits = config.workload.memory.limits();
}

std::unique_ptr<Workload> Programs::open(const ProgramConfig& section,
                                         const ProgramSurroundings& surroundings) const {
    if (!section.trace.empty()) return open_trace_file(m_config, section.trace);
    if (!section.synthetic.empty()) return workloads::make_synthetic(section.synthetic, m_config.synthetic);
    return start_command(section, surroundings);
}

std::string Programs::description() const {
    std::string text;
    for (const Program& program : m_programs)
        text += (text.empty() ? "" : " | ") + program.workload().description();
    return text;
}

bool Programs::is_live() const {
    return std::ranges::any_of(m_programs,
                               [](const Program& program) { return program.workload().is_live(); });
}

std::uint64_t Programs::expected_instructions() const {
    const RunConfig& run = m_config.run;
    const std::uint64_t limit = run.instructions == 0 ? 0 : run.warmup + run.instructions;
    std::uint64_t sum = 0;
    for (const Program& program : m_programs) {
        const std::uint64_t known = program.workload().expected_instructions();
        const std::uint64_t expected = limit == 0                            ? known
                                       : known == 0 || program.can_restart() ? limit
                                                                             : std::min(limit, known);
        if (expected == 0) return 0;
        sum += expected;
    }
    return sum;
}

void Programs::start(os::Kernel& kernel) {
    for (const Program& program : m_programs) kernel.start(program.workload(), program.placement);
}

void Programs::restart(std::size_t index, os::Kernel& kernel, const os::Moment& moment) {
    Program& program = m_programs[index];
    program.workloads.push_back(open(*program.section, {}));
    kernel.start(program.workload(), program.placement, moment);
}

} // namespace pagewalk::app
