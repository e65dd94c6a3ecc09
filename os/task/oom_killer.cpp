#include "os/task/oom_killer.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib_per_page = page_size / 1024;

/// A program's name as the kernel has it: without folders and arguments, 15 letters at most.
std::string command_name(const Task& task) {
    if (task.program == nullptr) return "?";
    const std::string text = task.program->workload->description();
    std::string_view name = std::string_view(text).substr(0, text.find_first_of(" :"));
    if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos)
        name.remove_prefix(slash + 1);
    return std::string(name.substr(0, 15));
}

} // namespace

Task* OomKiller::choose_victim(Operation& op, const MemoryCgroup* group) {
    Task* victim = nullptr;
    for (const auto& task : m_processes.tasks()) {
        if (task == nullptr || task->space == nullptr || task->exited || task->killed) continue;
        if (group != nullptr && cgroup_of(*task) != group) continue;
        if (victim != nullptr && task->group == victim->group) continue;
        op.path.call(KernelFunction::OomBadness);
        op.path.load(task->object);
        op.path.load(m_memory.object_of(*task->space));
        if (victim == nullptr || m_memory.badness(*task->space) >= m_memory.badness(*victim->space))
            victim = task.get();
    }
    return victim;
}

KillRecord OomKiller::describe(const Operation& op, Task& victim, KillReason reason) {
    const MemoryUse use = m_memory.use(*victim.space);
    return {.time = op.now,
            .task = static_cast<std::uint32_t>(victim.group),
            .reason = reason,
            .name = command_name(victim),
            .total_vm = use.total * kib_per_page,
            .anon_rss = use.anonymous * kib_per_page,
            .file_rss = use.file * kib_per_page,
            .shmem_rss = use.shmem * kib_per_page,
            .page_tables = use.tables * kib_per_page};
}

OomOutcome OomKiller::kill(Operation& op, MemoryCgroup* group) {
    Task* requester = m_processes.find(op.task);
    if (requester != nullptr && (requester->killed || requester->exited)) return OomOutcome::RequesterKilled;
    Task* victim = choose_victim(op, group);
    if (victim == nullptr) return OomOutcome::NoVictim;
    op.path.call(KernelFunction::OutOfMemory);
    op.path.call(KernelFunction::SendSignal);
    ++m_counters.oom_kill;
    ++m_counters.tasks_killed;
    if (group != nullptr) ++group->oom_kills;
    const KillReason reason = group != nullptr ? KillReason::CgroupOutOfMemory : KillReason::OutOfMemory;
    m_processes.note_kill(describe(op, *victim, reason));

    // Whoever uses the same memory goes with it.
    const std::shared_ptr<AddressSpace> space = victim->space;
    std::vector<TaskId> groups;
    for (const auto& task : m_processes.tasks())
        if (task != nullptr && task->space == space && std::ranges::find(groups, task->group) == groups.end())
            groups.push_back(task->group);
    const bool own = requester != nullptr && requester->space == space;
    for (const TaskId other : groups) m_processes.kill_group(op, other, requester);
    if (own) {
        requester->killed = true;
        return OomOutcome::RequesterKilled;
    }
    m_memory.reap(op, *space);
    return OomOutcome::Killed;
}

} // namespace pagewalk::os
