#include "os/vm/numa_balancing.h"

#include "os/vm/migrate_pages.h"
#include "os/vm/mmap_lock.h"
#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t seen_per_marked = 8; // how many times scan_size a scan looks at, at most
constexpr std::uint64_t early_rounds = 4;

} // namespace

NumaBalancing::TaskState& NumaBalancing::state_of(const Task& task) {
    const auto known = m_tasks.find(task.id);
    if (known != m_tasks.end()) return known->second;
    return m_tasks
        .emplace(task.id, TaskState{.faults = NumaFaults(m_config, m_frames.allocator().node_count())})
        .first->second;
}

const NumaFaults* NumaBalancing::faults_of(TaskId task) const {
    const auto known = m_tasks.find(task);
    return known == m_tasks.end() ? nullptr : &known->second.faults;
}

bool NumaBalancing::tick(const Task& task, CpuId cpu, Tick now) {
    Running& running = m_running[cpu];
    const Running before = std::exchange(running, {task.id, now});
    if (task.space == nullptr || before.task != task.id) return false;
    TaskState& state = state_of(task);
    state.ran = state.ran + (now - before.since);
    const Tick period = state.faults.period();
    if (state.ran <= state.stamp + period) return false;
    NumaScan& scan = task.space->numa;
    if (state.stamp == Tick{}) state.faults.start(task.space->anon_pages + task.space->file_pages);
    state.stamp = state.stamp + period;
    if (scan.next == Tick{}) scan.next = m_config.scan_delay;
    return now >= scan.next;
}

/// Can its pages move, and do their faults tell anything? Memory with a policy of its own is where it is to
/// be; of what is only executed and read everybody has a part.
bool NumaBalancing::is_scanned(const Vma& area, const Task& task) const {
    if (!area.has(vm::access) || area.has(vm::hugetlb | vm::dont_expand)) return false;
    if (area.policy != nullptr || task.policy.mode() != MemoryPolicy::Mode::Local) return false;
    return area.anonymous() || (area.flags & (vm::read | vm::write)) != vm::read;
}

void NumaBalancing::scan(Operation& op, const Task& task) {
    AddressSpace& space = *task.space;
    TaskState& state = state_of(task);
    op.path.call(KernelFunction::TaskNumaWork);
    space.numa.next = op.now + state.faults.period();
    if (space.mmap_lock.write_locked()) return; // mmap_read_trylock
    const MmapReadLocked locked(op, space);
    auto left = static_cast<std::int64_t>(m_config.scan_size >> page_shift);
    std::int64_t seen = left * static_cast<std::int64_t>(seen_per_marked);
    for (std::size_t i = space.areas.find(space.numa.at); i < space.areas.size(); ++i) {
        const Vma& area = space.areas[i];
        if (!is_scanned(area, task)) continue;
        for (VirtAddr at = std::max(space.numa.at, area.start); at < area.end;) {
            const VirtAddr whole = at + (static_cast<std::uint64_t>(left) << page_shift);
            const VirtAddr end = std::min(
                area.end, VirtAddr((whole.value() + HugePages::bytes - 1) & ~(HugePages::bytes - 1)));
            const auto pages = static_cast<std::int64_t>((end - at) >> page_shift);
            if (m_memory.mark_for_numa(op, space, area, at, end) != 0) left -= pages;
            seen -= pages;
            space.numa.at = at = end;
            if (left <= 0 || seen <= 0) return;
        }
    }
    space.numa.at = VirtAddr{};
    ++space.numa.rounds;
}

NumaBalancing::LastFault NumaBalancing::exchange_last(Pfn frame, const LastFault& now) {
    LastFault& last = m_last[frame.value()];
    const bool same = last.owner == now.owner && last.index == now.index;
    const LastFault before = std::exchange(last, now);
    return same ? before : LastFault{};
}

/// should_numa_migrate_memory: at once where nobody else is known to use the page, else where two faults in a
/// row are from that node.
bool NumaBalancing::should_move(const TaskState& state, const Task& task, const LastFault& last,
                                NodeId to) const {
    const bool own = last.task == task.id;
    const bool early = !state.faults.preferred() || state.faults.rounds() <= early_rounds;
    if (early && (!last.task || own)) return true;
    return !last.task || last.node == to;
}

/// migrate_balanced_pgdat
bool NumaBalancing::has_room(NodeId node, std::uint64_t pages) const {
    return std::ranges::any_of(m_frames.allocator().zones(), [&](const auto& zone) {
        const std::uint64_t wanted = zone->watermark(Watermark::High) + pages + 1;
        return zone->node == node && zone->managed != 0 &&
               zone->exact_free_pages() > static_cast<std::int64_t>(wanted);
    });
}

bool NumaBalancing::fault(Operation& op, AddressSpace& space, const Vma& area, VirtAddr page, Pfn frame) {
    const Task& task = *op.self;
    TaskState& state = state_of(task);
    const HugePages& huge = m_memory.huge_pages();
    const NodeId here = m_frames.allocator().cpus()[op.cpu];
    const NodeId node = m_frames.allocator().zone_of(frame)->node;
    ++m_counters.numa_hint_faults;
    if (node == here) ++m_counters.numa_hint_faults_local;
    const FrameMapping mapping = m_frames.mapping(huge.head_of(frame));
    const LastFault now{.owner = mapping.owner, .index = mapping.index, .task = task.id, .node = here};
    // Memory with a policy was marked before it had it.
    const bool placed = !is_scanned(area, task);
    LastFault last;
    bool moves = !placed && node != here;
    if (!placed) {
        last = exchange_last(frame, now);
        moves = moves && should_move(state, task, last, here);
    }
    NumaFault fault{.memory = node, .cpu = here, .is_private = !last.task || last.task == task.id};
    if (moves) {
        const bool whole = static_cast<bool>(m_memory.tables().find_huge(space, page));
        fault.pages = whole ? HugePages::frames : 1;
        NodeMigrator migrator(m_memory, m_frames, m_counters);
        const bool moved = has_room(here, fault.pages) && migrator.move_misplaced(op, space, page, here);
        fault.migration = moved ? NumaFault::Migration::Done : NumaFault::Migration::Failed;
        if (moved) {
            fault.memory = here;
            m_counters.numa_pages_migrated += fault.pages;
            m_last[m_memory.tables().find_leaf(space, page).frame_of(page).value()] = now;
        }
    }
    if (state.faults.weigh(space.numa.rounds, space.anon_pages + space.file_pages) &&
        state.faults.backs_off())
        space.numa.next = op.now + state.faults.period();
    state.faults.add(fault);
    return fault.migration == NumaFault::Migration::Done;
}

} // namespace pagewalk::os
