#include "os/kernel/kernel.h"

#include <algorithm>
#include <string_view>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t kib_per_page = page_size / 1024;

/// A program's name as the kernel has it: without folders and arguments, 15 letters at most.
std::string command_name(const Workload* workload) {
    if (workload == nullptr) return "?";
    const std::string text = workload->description();
    std::string_view name = std::string_view(text).substr(0, text.find_first_of(" :"));
    if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos)
        name.remove_prefix(slash + 1);
    return std::string(name.substr(0, 15));
}

/// oom_badness: what killing it would free, in pages.
std::uint64_t badness(const AddressSpace& space) {
    return space.anon_pages + space.file_pages + space.table_pages;
}

} // namespace

Task* Kernel::choose_victim(Operation& op) {
    Task* victim = nullptr;
    for (const auto& task : m_tasks) {
        if (task == nullptr || task->space == nullptr || task->exited || task->killed) continue;
        if (victim != nullptr && task->group == victim->group) continue;
        op.path.call(KernelFunction::OomBadness);
        op.path.load(task->object);
        op.path.load(task->space->object);
        if (victim == nullptr || badness(*task->space) >= badness(*victim->space)) victim = task.get();
    }
    return victim;
}

KillRecord Kernel::describe_victim(const Operation& op, Task& victim) {
    AddressSpace& space = *victim.space;
    std::uint64_t total = 0;
    std::uint64_t shmem = 0;
    for (const Vma& area : space.areas) {
        total += area.pages();
        if (area.anonymous() || m_files.at(area.inode).kind != InodeKind::Shmem) continue;
        m_tables.for_each(space, area.start, area.end, [&](VirtAddr, PteSlot slot) {
            const PageDescriptor& page = m_frames.pages().peek(slot.entry->frame());
            shmem += (page.owner_flags & frame_flags::shmem) != 0 ? 1 : 0;
        });
    }
    return {.time = op.now,
            .task = static_cast<std::uint32_t>(victim.group),
            .reason = KillReason::OutOfMemory,
            .name = command_name(m_workload),
            .total_vm = total * kib_per_page,
            .anon_rss = space.anon_pages * kib_per_page,
            .file_rss = (space.file_pages - std::min(shmem, space.file_pages)) * kib_per_page,
            .shmem_rss = shmem * kib_per_page,
            .page_tables = space.table_pages * kib_per_page};
}

OomOutcome Kernel::kill_for_memory(Operation& op) {
    const Task* requester = find_task(op.task);
    if (requester != nullptr && (requester->killed || requester->exited)) return OomOutcome::RequesterKilled;
    Task* victim = choose_victim(op);
    if (victim == nullptr) return OomOutcome::NoVictim;
    op.path.call(KernelFunction::OutOfMemory);
    op.path.call(KernelFunction::SendSignal);
    ++m_counters.oom_kill;
    ++m_counters.tasks_killed;
    m_kills.push_back(describe_victim(op, *victim));
    m_journal.write_kill(m_kills.back());

    // Whoever uses the same memory goes with it.
    const std::shared_ptr<AddressSpace> space = victim->space;
    std::vector<TaskId> groups;
    for (const auto& task : m_tasks)
        if (task != nullptr && task->space == space && std::ranges::find(groups, task->group) == groups.end())
            groups.push_back(task->group);
    const bool own = requester != nullptr && requester->space == space;
    for (const TaskId group : groups) kill_group(group, op.cpu, requester);
    if (own) {
        m_tasks[pagewalk::index_of(op.task)]->killed = true;
        return OomOutcome::RequesterKilled;
    }
    m_memory.reap(op, *space);
    return OomOutcome::Killed;
}

} // namespace pagewalk::os
