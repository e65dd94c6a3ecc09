#include "os/replay/lock_order_replay.h"

#include "base/error.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// How far down a list a frame may be for the order of two events to have been swapped, rather than the frame
// wrong.
constexpr int swapped_depth = 8;

CpuId id_of(const PageTraceEvent& event) { return static_cast<CpuId>(event.cpu); }

std::uint32_t number_of(Pfn frame) { return static_cast<std::uint32_t>(frame.value()); }

constexpr std::size_t none = static_cast<std::size_t>(-1);

bool is_allocation(const PageTraceEvent& event) {
    return event.kind == PageEventKind::Alloc ||
           (event.kind == PageEventKind::Page && event.which == gt::page_bulk);
}

std::string frame_text(std::uint32_t frame) {
    return frame == Buddy::none ? "no frame" : "frame 0x" + ReplayState::hex(frame);
}

} // namespace

LockOrderReplay::LockOrderReplay(ReplayState& state, std::size_t cpus)
    : m_state(state), m_allocator(state.allocator()), m_cpus(cpus) {
    m_allocator.set_events(this);
}

LockOrderReplay::~LockOrderReplay() { m_allocator.set_events(nullptr); }

void LockOrderReplay::zone_locked(Pfn frame, unsigned, Migratetype) {
    if (m_running) m_running->refilled.push_back(number_of(frame));
}

void LockOrderReplay::pcpu_drain(Pfn frame, unsigned order, Migratetype type) {
    if (m_running) m_running->drained.push_back({number_of(frame), order, type});
}

void LockOrderReplay::extfrag(Pfn frame, unsigned alloc_order, unsigned fallback_order, Migratetype wanted,
                              Migratetype fallback, bool change_ownership) {
    m_fallbacks.push_back(
        {number_of(frame), alloc_order, fallback_order, wanted, fallback, change_ownership});
}

std::vector<std::size_t>
LockOrderReplay::interrupted_allocations(const std::vector<PageTraceEvent>& events) const {
    std::vector<std::size_t> result(events.size(), none);
    std::vector<std::size_t> next_task_event(m_cpus.size(), none);
    for (std::size_t i = events.size(); i-- > 0;) {
        const PageTraceEvent& event = events[i];
        if (event.cpu >= m_cpus.size()) continue;
        std::size_t& next = next_task_event[event.cpu];
        if (!event.in_interrupt())
            next = i;
        else if (next != none && events[next].pid == event.pid && is_allocation(events[next]))
            result[i] = next;
    }
    return result;
}

bool LockOrderReplay::is_list_head(const PageTraceEvent& event) {
    const bool bulk = event.kind == PageEventKind::Page;
    const unsigned order = bulk ? 0 : event.order;
    const auto type = bulk ? Migratetype::Unmovable : static_cast<Migratetype>(event.type);
    if (event.frame == no_pfn || !is_mergeable(type) ||
        !PerCpuPages::allows(order, m_allocator.pages().pageblock_order()))
        return false;
    const Zone& zone = m_state.zone_of(event);
    return zone.pcp[id_of(event)].lists[PerCpuPages::list_index(order, type)].first() ==
           number_of(event.frame);
}

void LockOrderReplay::run(const std::vector<PageTraceEvent>& events) {
    m_state.begin_phase("before the workload");
    const std::vector<AfterFree> after = look_ahead(events, false);
    const std::vector<std::size_t> interrupted = interrupted_allocations(events);
    std::vector<bool> done(events.size(), false);
    for (std::size_t i = 0; i < events.size(); ++i) {
        const PageTraceEvent& event = events[i];
        if (done[i]) {
            m_cpus[event.cpu].in_interrupt = false;
            continue;
        }
        if (event.cpu >= m_cpus.size())
            throw InputError("event " + std::to_string(event.sequence) + ": cpu " +
                             std::to_string(event.cpu) + " is not in the snapshot");
        Cpu& cpu = m_cpus[event.cpu];
        m_running = &cpu;
        if (event.in_interrupt() && !cpu.in_interrupt && interrupted[i] != none &&
            is_list_head(events[interrupted[i]])) {
            // The frame left its list before the interrupt; clearing it came between that and the report.
            m_state.check("allocations reported after an interrupt");
            allocate(events[interrupted[i]], cpu, events[interrupted[i]].kind == PageEventKind::Page);
            done[interrupted[i]] = true;
        }
        cpu.in_interrupt = event.in_interrupt();
        if (!cpu.frees.empty() && !event.in_interrupt() &&
            !(event.kind == PageEventKind::Zone && event.which == gt::zone_direct_free))
            finish_frees(event, cpu);
        switch (event.kind) {
        case PageEventKind::Zone:
            probe_zone(event, cpu);
            break;
        case PageEventKind::Page:
            if (event.which == gt::page_bulk)
                allocate(event, cpu, true);
            else
                probe_page(event, cpu);
            break;
        case PageEventKind::Mark:
            mark(event);
            break;
        case PageEventKind::ExtFrag:
            seen_extfrag(event, cpu);
            break;
        case PageEventKind::ZoneLocked:
            seen_zone_locked(event, cpu);
            break;
        case PageEventKind::PcpuDrain:
            seen_drain(event, cpu);
            break;
        case PageEventKind::Alloc:
            allocate(event, cpu, false);
            break;
        case PageEventKind::Free:
            free(event, cpu, after[i]);
            break;
        case PageEventKind::LruInsertion:
            if (event.frame < m_allocator.pages().end())
                m_allocator.pages().at(event.frame).set(PageState::Lru);
            break;
        default:
            break;
        }
    }
    m_running = nullptr;
}

void LockOrderReplay::finish_frees(const PageTraceEvent& event, Cpu& cpu) {
    // The task went on: the lock was taken without the probe's seeing it.
    for (const DirectFree& free : cpu.frees) {
        m_allocator.free_to_buddy(*free.zone, free.frame, free.order, id_of(event));
        m_state.check("frees to the free lists without a lock event");
    }
    cpu.frees.clear();
}

void LockOrderReplay::run_refill(Cpu& cpu, CpuId id) {
    const Refill refill = *cpu.refill;
    cpu.refill.reset();
    m_allocator.refill(*refill.zone, id, refill.order, refill.type, refill.flags);
}

void LockOrderReplay::probe_zone(const PageTraceEvent& event, Cpu& cpu) {
    const CpuId id = id_of(event);
    switch (event.which) {
    case gt::zone_refill: {
        Zone& zone = m_state.zone_named(event);
        Refill refill{&zone, static_cast<unsigned>(event.a & 0xff),
                      static_cast<Migratetype>(event.a >> 8 & 0xff),
                      AllocFlags(static_cast<std::uint32_t>(event.a >> 16 & 0xffff)), event.in_interrupt()};
        if (refill.order >= max_order || !is_mergeable(refill.type) ||
            !PerCpuPages::allows(refill.order, m_allocator.pages().pageblock_order()))
            throw InputError("event " + std::to_string(event.sequence) +
                             ": gt_zone a: no per-CPU list of order " + std::to_string(refill.order));
        const PerCpuPages& lists = zone.pcp[id];
        if (!lists.lists[PerCpuPages::list_index(refill.order, refill.type)].empty())
            m_state.differ("refills of a list that is not empty", event, "the list is not empty");
        else if (lists.refill_count(refill.order) != event.b)
            m_state.differ("refills of another size", event,
                           std::to_string(lists.refill_count(refill.order)));
        else
            m_state.check("refills predicted");
        cpu.refill = refill;
        break;
    }
    case gt::zone_bulk_free: {
        Zone& zone = m_state.zone_named(event);
        if (event.b < 0 || event.b >= static_cast<std::int64_t>(PerCpuPages::list_count))
            throw InputError("event " + std::to_string(event.sequence) + ": gt_zone b: no per-CPU list " +
                             std::to_string(event.b));
        const auto list = static_cast<std::size_t>(event.b);
        if (cpu.expected_drain) {
            const Drain& expected = *cpu.expected_drain;
            if (expected.zone == &zone && expected.count == event.a && expected.list == list)
                m_state.check("drains predicted");
            else
                m_state.differ("drains of another size", event, std::to_string(expected.count));
            cpu.expected_drain.reset();
            cpu.drain = Drain{&zone, id, event.a, list};
        } else {
            m_state.check("drains from outside");
            cpu.drain = Drain{&zone, cpu.drain_owner.value_or(id), event.a, list};
        }
        break;
    }
    case gt::zone_drain_cpu:
        if (event.a < 0 || static_cast<std::size_t>(event.a) >= m_cpus.size())
            throw InputError("event " + std::to_string(event.sequence) + ": gt_zone a: cpu " +
                             std::to_string(event.a) + " is not in the snapshot");
        cpu.drain_owner = static_cast<CpuId>(event.a);
        break;
    case gt::zone_drain_idle:
        cpu.drain_owner = id;
        break;
    case gt::zone_direct_free: {
        Zone& zone = m_state.zone_named(event);
        const auto waiting = std::ranges::find_if(cpu.frees, [&](const DirectFree& free) {
            return free.zone == &zone && std::int64_t{1} << free.order == event.a;
        });
        if (waiting == cpu.frees.end()) break;
        m_allocator.free_to_buddy(zone, waiting->frame, waiting->order, id);
        cpu.frees.erase(waiting);
        m_state.check("frees to the free lists");
        break;
    }
    default:
        break;
    }
}

void LockOrderReplay::seen_extfrag(const PageTraceEvent& event, Cpu& cpu) {
    const CpuId id = id_of(event);
    Zone& zone = m_state.zone_of(event);
    if (cpu.refill && cpu.refill->in_interrupt == event.in_interrupt() && cpu.refilled.empty()) {
        run_refill(cpu, id);
    } else if (m_fallbacks.empty()) {
        const std::uint32_t frame = m_allocator.buddy().take(
            zone, event.order, static_cast<Migratetype>(event.type), AllocFlags{}, nullptr);
        if (frame != Buddy::none) {
            zone.count_free(id, -(std::int64_t{1} << event.order), static_cast<Migratetype>(event.type));
            cpu.direct[frame] = event.order;
        }
    }
    if (m_fallbacks.empty()) {
        m_state.differ("fallbacks that the model did not need", event, "no fallback");
        return;
    }
    const Fallback mine = m_fallbacks.front();
    m_fallbacks.pop_front();
    const bool same = mine.frame == number_of(event.frame) && mine.order == event.order &&
                      mine.fallback_order == static_cast<unsigned>(event.a) &&
                      mine.wanted == static_cast<Migratetype>(event.type) &&
                      mine.fallback == static_cast<Migratetype>(event.b) && mine.claimed == (event.x != 0);
    if (same)
        m_state.check("fallbacks predicted");
    else
        m_state.differ("fallbacks to another block", event, frame_text(mine.frame));
}

void LockOrderReplay::seen_zone_locked(const PageTraceEvent& event, Cpu& cpu) {
    const CpuId id = id_of(event);
    // An interrupt during a refill finds the per-CPU lock taken and goes straight to the free lists.
    if (cpu.refill && cpu.refill->in_interrupt == event.in_interrupt()) {
        cpu.refilled.clear();
        run_refill(cpu, id);
    }
    std::uint32_t frame = Buddy::none;
    if (cpu.refilled.empty()) {
        // A request that goes straight to the free lists.
        Zone& zone = m_state.zone_of(event);
        const auto type = static_cast<Migratetype>(event.type);
        Buddy& buddy = m_allocator.buddy();
        frame = is_mergeable(type) ? buddy.take(zone, event.order, type, alloc::nofragment, nullptr)
                                   : buddy.take_smallest(zone, event.order, type, nullptr);
        if (frame == Buddy::none && is_mergeable(type))
            frame = buddy.take(zone, event.order, type, {}, nullptr);
        if (frame != Buddy::none) {
            zone.count_free(id, -(std::int64_t{1} << event.order), type);
            cpu.direct[frame] = event.order;
        }
        cpu.refilled.clear();
        m_state.check("allocations straight from the free lists");
    } else {
        frame = cpu.refilled.front();
        cpu.refilled.pop_front();
    }
    if (frame == number_of(event.frame))
        m_state.check("blocks taken from the free lists predicted");
    else
        m_state.differ("blocks taken from the free lists that differ", event, frame_text(frame));
}

void LockOrderReplay::seen_drain(const PageTraceEvent& event, Cpu& cpu) {
    if (cpu.drain) {
        const Drain drain = *cpu.drain;
        cpu.drain.reset();
        cpu.drained.clear();
        m_allocator.drain(*drain.zone, drain.owner, drain.count, drain.list, id_of(event));
    }
    std::optional<Block> mine;
    if (!cpu.drained.empty()) {
        mine = cpu.drained.front();
        cpu.drained.pop_front();
    }
    if (mine && mine->frame == number_of(event.frame) && mine->order == event.order &&
        mine->type == static_cast<Migratetype>(event.type))
        m_state.check("blocks drained in the kernel's order");
    else
        m_state.differ("blocks drained in another order", event,
                       mine ? frame_text(mine->frame) : "nothing to drain");
}

void LockOrderReplay::allocate(const PageTraceEvent& event, Cpu& cpu, bool bulk) {
    if (event.frame == no_pfn) {
        m_state.check("failed allocations (not predicted in this method)");
        return;
    }
    if (bulk && cpu.last_allocated == event.frame) return;
    cpu.last_allocated = event.frame;
    const CpuId id = id_of(event);
    Zone& zone = m_state.zone_of(event);
    const std::uint32_t real = number_of(event.frame);
    const unsigned order = bulk ? 0 : event.order;
    const auto type = bulk ? Migratetype::Unmovable : static_cast<Migratetype>(event.type);
    const GfpMask mask = bulk ? gfp::kernel : GfpMask(event.mask);
    const auto served = [&](bool same) {
        m_state.count_allocation(same);
        m_allocator.prepare_new(real, order, mask);
    };

    if (cpu.direct.erase(real) != 0) return served(true);
    // The task may have moved to another CPU between taking the block and reporting it.
    for (Cpu& other : m_cpus)
        if (other.direct.erase(real) != 0) return served(true);

    PerCpuPages& lists = zone.pcp[id];
    if (!bulk) lists.free_factor >>= 1;
    const bool has_list =
        PerCpuPages::allows(order, m_allocator.pages().pageblock_order()) && is_mergeable(type);
    const std::size_t list = has_list ? PerCpuPages::list_index(order, type) : 0;
    PageMap& pages = m_allocator.pages();
    const std::uint32_t head = has_list ? lists.lists[list].first() : Buddy::none;
    const auto take_from_list = [&] {
        lists.lists[list].remove(pages, real);
        lists.count -= std::int64_t{1} << order;
    };
    if (head == real) {
        take_from_list();
        return served(true);
    }
    int depth = 0;
    if (has_list)
        for (std::uint32_t at = head; at != Buddy::none && depth < swapped_depth;
             at = pages.peek(at).next, ++depth) {
            if (at != real) continue;
            take_from_list();
            m_state.differ("allocations with another frame", event, frame_text(head));
            return served(false);
        }
    m_state.differ("allocations with another frame", event, frame_text(head));
    m_state.force(event.frame, order, id);
    served(false);
}

void LockOrderReplay::free(const PageTraceEvent& event, Cpu& cpu, AfterFree after) {
    m_state.prepare_free(event);
    Zone& zone = m_state.zone_of(event);
    const std::uint32_t frame = number_of(event.frame);
    if (!PerCpuPages::allows(event.order, m_allocator.pages().pageblock_order())) {
        cpu.frees.push_back({&zone, frame, event.order});
    } else if (after != AfterFree::Pcp) {
        m_state.check("frees past a busy per-CPU lock");
        m_allocator.free_to_buddy(zone, frame, event.order, id_of(event));
    }
}

void LockOrderReplay::commit(const PageTraceEvent& event, Cpu& cpu) {
    Zone& zone = m_state.zone_of(event);
    const CpuId id = id_of(event);
    cpu.drain_owner.reset();
    PerCpuPages& lists = zone.pcp[id];
    const unsigned factor = event.x >> 16 & 0xff;
    if (lists.free_factor != factor) {
        m_state.differ("frees with another free_factor", event, std::to_string(lists.free_factor));
        lists.free_factor = static_cast<std::uint8_t>(factor);
    }
    auto type = static_cast<Migratetype>(m_allocator.pages().peek(event.frame).type);
    if (!is_mergeable(type)) type = Migratetype::Movable;
    const auto real_type = static_cast<Migratetype>(event.x & 0xff);
    if (type != real_type) {
        m_state.differ("frees to a list of another type", event, std::string(name_of(type)));
        type = is_mergeable(real_type) ? real_type : Migratetype::Movable;
    }
    if (const PageDescriptor& page = m_allocator.pages().peek(event.frame);
        page.is(PageState::Buddy) || page.is(PageState::OnPcp)) {
        m_state.differ("frees of a block that the model has free", event, "the block is free");
        m_state.force(event.frame, event.order, id);
    }
    zone.reclaim_active = (event.x >> 8 & 2) != 0;
    const std::int64_t excess = m_allocator.push(zone, id, number_of(event.frame), event.order, type);
    if (excess > 0) {
        cpu.expected_drain = Drain{&zone, id, excess, PerCpuPages::list_index(event.order, type)};
    } else if (cpu.expected_drain) {
        m_state.differ("drains that the kernel did not make", event,
                       std::to_string(cpu.expected_drain->count));
        cpu.expected_drain.reset();
    }
}

void LockOrderReplay::probe_page(const PageTraceEvent& event, Cpu& cpu) {
    PageMap& pages = m_allocator.pages();
    switch (event.which) {
    case gt::page_pcp_commit:
        commit(event, cpu);
        break;
    case gt::page_isolate:
        m_state.isolate(event);
        break;
    case gt::page_putback:
        m_state.put_back(event);
        break;
    case gt::page_set_block_type: {
        constexpr unsigned type_mask = 7; // the change is of the type, not of the skip hint
        if ((event.x & type_mask) != type_mask || event.frame >= pages.end()) break;
        const auto type = static_cast<Migratetype>(event.order & type_mask);
        if (type != Migratetype::HighAtomic && pages.pageblock_type(event.frame) != Migratetype::HighAtomic)
            break;
        m_state.check("pageblocks reserved for atomic requests or given back");
        pages.set_pageblock_type(event.frame.value(), type);
        cpu.reserving = event.frame;
        break;
    }
    case gt::page_move_block: {
        if (cpu.reserving == event.frame)
            if (Zone* const zone = m_allocator.zone_of(event.frame))
                m_allocator.buddy().move_pageblock(*zone, number_of(event.frame),
                                                   static_cast<Migratetype>(event.order), nullptr, nullptr);
        cpu.reserving.reset();
        break;
    }
    case gt::page_dump:
        m_dump[{event.order, event.x}].push_back(event.frame);
        break;
    default:
        break;
    }
}

void LockOrderReplay::mark(const PageTraceEvent& event) {
    switch (event.which) {
    case gt::mark_begin:
        m_state.begin_phase("workload");
        break;
    case gt::mark_end:
        m_state.begin_phase("after the workload");
        break;
    case gt::mark_dump_begin:
        m_dump.clear();
        break;
    case gt::mark_dump_end:
        resynchronise(event);
        break;
    default:
        if (event.which >= gt::mark_phase)
            m_state.begin_phase("workload, phase " + std::to_string(event.which - gt::mark_phase + 1));
    }
}

void LockOrderReplay::resynchronise(const PageTraceEvent& event) {
    // Compaction's search for free blocks reorders lists without an event; the capture dumps them instead.
    Zone* const zone = m_state.find_zone(static_cast<int>(event.a >> 8), static_cast<int>(event.a & 0xff));
    if (!zone) return;
    m_state.check("free lists dumped by the capture");
    PageMap& pages = m_allocator.pages();
    Buddy& buddy = m_allocator.buddy();
    for (unsigned order = 0; order < max_order; ++order)
        for (unsigned type = 0; type < 5; ++type) {
            std::vector<Pfn> mine = zone->areas[order].lists[type].frames(pages);
            std::vector<Pfn> real = m_dump[{order, type}];
            if (mine == real) continue;
            for (const Pfn frame : mine) buddy.remove(*zone, number_of(frame), order, nullptr);
            for (const Pfn frame : real) {
                if (pages.peek(frame).is(PageState::Buddy) || pages.peek(frame).is(PageState::OnPcp))
                    m_state.force(frame, order, id_of(event));
                buddy.add(*zone, number_of(frame), order, static_cast<Migratetype>(type), true, nullptr);
            }
            std::ranges::sort(mine);
            std::ranges::sort(real);
            m_state.check(mine == real ? "free lists reordered by compaction (taken from the dump)"
                                       : "free lists with other blocks (taken from the dump)");
        }
}

} // namespace pagewalk::os
