#include "models/mmu/mmu.h"

#include <algorithm>

namespace pagewalk::models {

void MmuStats::declare(StatGroup group) const {
    group.counter("itlb_misses", itlb_misses, "count",
                  "fetches that missed the first-level instruction TLBs");
    group.counter("dtlb_misses", dtlb_misses, "count",
                  "loads and stores that missed the first-level data TLBs");
    group.counter("l2_tlb_hits", l2_tlb_hits, "count", "first-level misses that hit the second level");
    group.counter("l2_tlb_misses", l2_tlb_misses, "count", "first-level misses that missed the second level");
    group.counter("l2_tlb_data_misses", l2_tlb_data_misses, "count", "of these, loads and stores");
    group.counter("walks", walks, "count", "page walks, those for a dirty bit included");
    group.counter("walk_cycles", walk_cycles, "cycles",
                  "sum of the walks' latencies, waiting for a walker excluded");
    group.counter("walk_references", walk_references, "count", "page-table entries read");
    group.counter("walker_wait_cycles", walker_wait_cycles, "cycles", "waiting for a free walker");
    group.counter("faults", faults, "count", "walks that ended in a page fault");
    group.counter("dirty_updates", dirty_updates, "count", "entries whose accessed or dirty bit a walk set");
    const char* names[] = {"references_l1",           "references_l2",     "references_llc",
                           "references_remote_cache", "references_memory", "references_remote_memory"};
    for (std::size_t i = 0; i < references_at.size(); ++i)
        group.counter(names[i], references_at[i], "count", "page-table entries found at this level");
    group.ratio("walk_latency_mean", "walk_cycles", "walks", 1, "cycles", "mean latency of a walk");
    group.ratio("walk_references_mean", "walk_references", "walks", 1, "count", "mean references of a walk");
}

Mmu::Mmu(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
         PageTableMemory& tables)
    : m_config(config), m_cpu(cpu), m_clock(clock), m_hierarchy(hierarchy), m_tables(tables),
      m_l1i_4k(config.l1i_4k), m_l1i_2m(config.l1i_2m), m_l1d_4k(config.l1d_4k), m_l1d_2m(config.l1d_2m),
      m_l1d_1g(config.l1d_1g), m_l2(config.l2), m_l2_1g(config.l2_1g), m_walk_cache(config.walk_cache),
      m_walker_free(config.walkers) {
    if (config.perfect) m_config.l1_latency = m_config.l2_latency = m_config.walk_cache_latency = Cycles();
}

void Mmu::declare(StatGroup group) const {
    m_stats.declare(group);
    m_l1i_4k.stats().declare(group.group("l1i_4k"));
    m_l1i_2m.stats().declare(group.group("l1i_2m"));
    m_l1d_4k.stats().declare(group.group("l1d_4k"));
    m_l1d_2m.stats().declare(group.group("l1d_2m"));
    m_l1d_1g.stats().declare(group.group("l1d_1g"));
    m_l2.stats().declare(group.group("l2_tlb"));
    m_l2_1g.stats().declare(group.group("l2_tlb_1g"));
    m_walk_cache.stats().declare(group.group("walk_cache"));
    group.histogram("walk_latency", m_walk_latency, "cycles", "latency of page walks");
    group.histogram("walk_levels", m_walk_levels, "count", "page-table entries read by a walk");
}

TlbEntry* Mmu::find_second_level(VirtAddr address) {
    const std::uint16_t pcid = m_context.pcid;
    TlbEntry* entry = m_l2.probe({address, PageSize::Page4K, pcid});
    if (entry == nullptr) entry = m_l2.probe({address, PageSize::Page2M, pcid});
    if (entry != nullptr) {
        m_l2.count_hit();
        return entry;
    }
    m_l2.count_miss();
    return m_l2_1g.find({address, PageSize::Page1G, pcid});
}

void Mmu::fill_l1_data(VirtAddr address, const TlbEntry& entry) {
    switch (entry.size) {
    case PageSize::Page4K:
        m_l1d_4k.insert(address, m_context.pcid, entry);
        break;
    case PageSize::Page2M:
        m_l1d_2m.insert(address, m_context.pcid, entry);
        break;
    case PageSize::Page1G:
        l1d_1g().insert(address, m_context.pcid, entry);
        break;
    }
}

Translation Mmu::hit(const TlbEntry& entry, VirtAddr address, Cycles cycle) const {
    switch (entry.size) {
    case PageSize::Page4K:
        return hit<PageSize::Page4K>(entry, address, cycle);
    case PageSize::Page2M:
        return hit<PageSize::Page2M>(entry, address, cycle);
    case PageSize::Page1G:
        break;
    }
    return hit<PageSize::Page1G>(entry, address, cycle);
}

Translation Mmu::translate_data_slow(VirtAddr address, FaultAccess access, Cycles cycle) {
    const std::uint16_t pcid = m_context.pcid;
    const bool store = access == FaultAccess::Write;
    bool rewalk = false;
    if (const TlbEntry* const small = m_l1d_4k.find({address, PageSize::Page4K, pcid})) {
        if (!store || small->dirty) return hit<PageSize::Page4K>(*small, address, cycle);
        rewalk = true;
    }
    TlbEntry* entry = m_l1d_2m.find({address, PageSize::Page2M, pcid});
    if (entry == nullptr) entry = l1d_1g().find({address, PageSize::Page1G, pcid});
    if (entry != nullptr && (!store || entry->dirty)) return hit(*entry, address, cycle);
    // A store to a translation that is read-only or clean walks again, as the hardware does.
    rewalk = rewalk || entry != nullptr;
    if (!rewalk) {
        m_l1d_4k.count_miss();
        ++m_stats.dtlb_misses;
        const Cycles start = cycle + m_config.l1_latency + m_config.l2_latency;
        if (TlbEntry* second = find_second_level(address)) {
            ++m_stats.l2_tlb_hits;
            if (!store || second->dirty) {
                TlbEntry filled = *second;
                filled.ready = std::max(start, second->ready);
                fill_l1_data(address, filled);
                return hit(filled, address, cycle);
            }
        } else {
            ++m_stats.l2_tlb_misses;
            ++m_stats.l2_tlb_data_misses;
        }
    }
    const WalkResult result = walk(address, access, cycle + m_config.l1_latency + m_config.l2_latency);
    if (result.faulted) return {Translation::no_address, result.entry.ready};
    fill_l1_data(address, result.entry);
    return hit(result.entry, address, cycle);
}

Translation Mmu::translate_fetch_slow(VirtAddr address, Cycles cycle) {
    const std::uint16_t pcid = m_context.pcid;
    TlbEntry found;
    TlbEntry* entry = m_l1i_4k.probe({address, PageSize::Page4K, pcid});
    if (entry != nullptr) {
        m_l1i_4k.count_hit();
    } else {
        entry = m_l1i_2m.find({address, PageSize::Page2M, pcid});
        if (entry == nullptr) entry = m_l1i_2m.find({address, PageSize::Page1G, pcid});
        if (entry == nullptr) {
            m_l1i_4k.count_miss();
            ++m_stats.itlb_misses;
            const Cycles start = cycle + m_config.l1_latency + m_config.l2_latency;
            TlbEntry* const second = find_second_level(address);
            ++(second != nullptr ? m_stats.l2_tlb_hits : m_stats.l2_tlb_misses);
            if (second != nullptr && second->executable) {
                found = *second;
                found.ready = std::max(start, second->ready);
            } else {
                const WalkResult result = walk(address, FaultAccess::Execute, start);
                if (result.faulted) return {Translation::no_address, result.entry.ready};
                found = result.entry;
            }
            (found.size == PageSize::Page4K ? m_l1i_4k : m_l1i_2m).insert(address, pcid, found);
            entry = &found;
        }
    }
    const Translation translation = hit(*entry, address, cycle);
    m_last_fetch_page = address.page();
    m_last_fetch_frame = translation.address - address.page_offset();
    return translation;
}

inline void Mmu::read_entry(PhysAddr where, WalkProgress& progress) {
    if (m_config.perfect) [[unlikely]]
        return;
    const AccessResult reference = m_hierarchy.walk(where, progress.now);
    progress.now = reference.ready;
    progress.event.hit[progress.references++] = static_cast<std::uint8_t>(reference.level);
    ++m_stats.references_at[static_cast<std::size_t>(reference.level)];
}

Mmu::WalkResult Mmu::walk(VirtAddr address, FaultAccess access, Cycles cycle) {
    auto walker = std::ranges::min_element(m_walker_free);
    const Cycles began = m_config.perfect ? cycle : std::max(cycle, *walker);
    m_stats.walker_wait_cycles += (began - cycle).value();
    WalkProgress progress{.now = began + m_config.walk_cache_latency};
    TlbMissEvent& event = progress.event;
    event.hit.fill(TlbMissEvent::not_made);
    Cycles& now = progress.now;
    WalkResult result;
    if (m_champsim) [[unlikely]]
        for (const PhysAddr where : m_champsim->walk(address, m_context.pcid, m_context.root))
            read_entry(where, progress);
    WalkCache::Start at = m_walk_cache.find(address, m_context.pcid, m_context.root, m_config.levels);
    PageTableMemory::Table* table = m_tables.find(at.table);
    while (table == nullptr) [[unlikely]] {
            // Freed by the OS layer, while the shoot-down is still on its way. Hardware would read the old
            // table.
            m_walk_cache.invalidate({TlbInvalidation::Scope::Range,
                                     m_context.pcid,
                                     address.page(),
                                     address.page() + page_size,
                                     {}});
            at = m_walk_cache.find(address, m_context.pcid, m_context.root, m_config.levels);
            PAGEWALK_INVARIANT(at.level != m_config.levels || m_tables.find(at.table) != nullptr);
            table = m_tables.find(at.table);
        }
    bool writable = at.rights.writable;
    bool executable = at.rights.executable;
    for (;;) {
        PageTableEntry& entry = (*table)[table_index(address, at.level)];
        const PhysAddr where = address_of(at.table) + table_index(address, at.level) * sizeof(PageTableEntry);
        if (!m_champsim) [[likely]]
            read_entry(where, progress);
        const bool leaf = at.level == 1 || entry.has(PageTableEntry::Huge);
        writable = writable && entry.has(PageTableEntry::Writable);
        executable = executable && !entry.has(PageTableEntry::NoExecute);
        if (!entry.present() || (leaf && access == FaultAccess::Write && !writable) ||
            (leaf && access == FaultAccess::Execute && !executable)) {
            result.faulted = true;
            break;
        }
        std::uint64_t wanted = PageTableEntry::Accessed;
        if (leaf && access == FaultAccess::Write) wanted |= PageTableEntry::Dirty;
        if ((entry.raw() & wanted) != wanted) {
            entry = entry.with(wanted);
            ++m_stats.dirty_updates;
            if (!m_champsim && !m_config.perfect) now = m_hierarchy.store(where, now, VirtAddr()).ready;
        }
        if (leaf) {
            const auto size = static_cast<PageSize>(at.level - 1);
            const std::uint64_t frame = entry.frame().value();
            result.entry = {m_champsim ? m_champsim->place_of(frame).value() : frame,
                            now,
                            size,
                            writable,
                            writable && entry.has(PageTableEntry::Dirty),
                            executable};
            break;
        }
        at.table = entry.frame();
        m_walk_cache.insert(address, m_context.pcid, at.level, at.table, {writable, executable});
        --at.level;
        table = &m_tables.table(at.table);
    }
    *walker = now;
    result.entry.ready = now;
    const std::uint64_t latency = (now - began).value();
    ++m_stats.walks;
    m_stats.walk_cycles += latency;
    m_stats.walk_references += progress.references;
    m_walk_latency.add(latency);
    m_walk_levels.add(progress.references);
    if (result.faulted) {
        ++m_stats.faults;
    } else if (result.entry.size == PageSize::Page1G) {
        m_l2_1g.insert(address, m_context.pcid, result.entry);
    } else {
        m_l2.insert(address, m_context.pcid, result.entry);
    }
    if (EventLog<TlbMissEvent>& misses = m_events.of<TlbMissEvent>(); misses.wanted()) {
        event.time = m_clock.to_ticks(began).value();
        event.address = address.value();
        event.latency = static_cast<std::uint32_t>(latency);
        event.cpu = static_cast<std::uint16_t>(m_cpu);
        event.access = access;
        event.page_size = result.entry.size;
        event.levels = static_cast<std::uint8_t>(progress.references);
        event.fault = result.faulted ? 1 : 0;
        event.kernel = is_upper_half(address) ? 1 : 0;
        misses.append(event);
    }
    return result;
}

std::uint64_t Mmu::invalidate(const TlbInvalidation& invalidation) {
    m_last_fetch_page = no_page;
    m_walk_cache.invalidate(invalidation);
    std::uint64_t dropped = 0;
    for (Tlb* tlb : {&m_l1i_4k, &m_l1i_2m, &m_l1d_4k, &m_l1d_2m, &m_l1d_1g, &m_l2, &m_l2_1g})
        dropped += tlb->invalidate(invalidation);
    return dropped;
}

} // namespace pagewalk::models
