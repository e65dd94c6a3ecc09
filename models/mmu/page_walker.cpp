#include "models/mmu/page_walker.h"

#include "contract/canonical_half.h"

#include <algorithm>
#include <string>

namespace pagewalk::models {
namespace {

constexpr std::array<const char*, hit_level_count> level_names{"l1",           "l2",     "llc",
                                                               "remote_cache", "memory", "remote_memory"};

} // namespace

void WalkerStats::declare(StatGroup group) const {
    group.counter("walks", walks, "count", "page walks, those for a dirty bit included");
    group.counter("walk_cycles", walk_cycles, "cycles",
                  "sum of the walks' latencies, waiting for a walker excluded");
    group.counter("walk_references", walk_references, "count", "page-table entries read");
    group.counter("walker_wait_cycles", walker_wait_cycles, "cycles", "waiting for a free walker");
    group.counter("faults", faults, "count", "walks that ended in a page fault");
    group.counter("dirty_updates", dirty_updates, "count", "entries whose accessed or dirty bit a walk set");
    for (std::size_t i = 0; i < references_at.size(); ++i)
        group.counter(std::string("references_") + level_names[i], references_at[i], "count",
                      "page-table entries found at this level");
    group.ratio("walk_latency_mean", "walk_cycles", "walks", 1, "cycles", "mean latency of a walk");
    group.ratio("walk_references_mean", "walk_references", "walks", 1, "count", "mean references of a walk");
    group.counter("walks_ahead", walks_ahead, "count",
                  "walks that a translation design began before their translation was wanted");
    group.counter("walks_ahead_dropped", walks_ahead_dropped, "count",
                  "walks ahead that were not begun, since no walker was free, or found no page");
    group.counter("ahead_references", ahead_references, "count", "page-table entries read by walks ahead");
    group.counter("ahead_cycles", ahead_cycles, "cycles", "sum of the latencies of walks ahead");
}

PageWalker::PageWalker(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
                       PageTableMemory& tables)
    : m_config(config), m_cpu(cpu), m_clock(clock), m_hierarchy(hierarchy), m_tables(tables),
      m_walk_cache(config.walk_cache), m_format_memory(config.format_memory), m_slot_free(config.walkers) {}

void PageWalker::declare(StatGroup group) const {
    m_stats.declare(group);
    m_walk_cache.stats().declare(group.group("walk_cache"));
    m_format_memory.stats().declare(group.group("walk_cache").group("formats"));
    if (m_host != nullptr) m_host->declare(group.group("vm"));
    group.histogram("walk_latency", m_latency, "cycles", "latency of page walks");
    group.histogram("walk_levels", m_levels, "count", "page-table entries read by a walk");
    group.histogram("walkers_busy", m_slots_busy, "count",
                    "walkers that were at work when a walk was asked for");
    for (std::size_t i = 0; i < m_latency_by_leaf.size(); ++i)
        group.histogram(std::string("walk_latency_") + level_names[i], m_latency_by_leaf[i], "cycles",
                        std::string("latency of page walks whose last entry was found at ") + level_names[i]);
}

inline void PageWalker::read_entry(PhysAddr where, Progress& progress) {
    if (m_config.perfect) [[unlikely]]
        return;
    if (m_host != nullptr) [[unlikely]]
        read_host(where, progress);
    read_line(where, progress);
}

inline void PageWalker::read_line(PhysAddr where, Progress& progress) {
    const AccessResult reference = m_hierarchy.walk(where, progress.now);
    progress.now = reference.ready;
    progress.hit[progress.references++] = static_cast<std::uint8_t>(reference.level);
}

// The host's frame has the guest's number: `guest` is where the data lie too.
[[gnu::noinline]] void PageWalker::read_host(PhysAddr guest, Progress& progress) {
    const HostWalk walk = m_host->walk(guest);
    progress.now += m_config.nested.tlb_latency;
    if (walk.violated) progress.now += m_config.nested.violation;
    for (std::size_t i = 0; i < walk.count; ++i) read_line(walk.references[i], progress);
}

void PageWalker::narrow(VirtAddr address, TlbEntry& entry) const {
    const PageSize host = m_host->tables().pages();
    if (host >= entry.size) return;
    const std::uint64_t inside = address.value() & ((1ULL << shift_of(entry.size)) - 1);
    entry.frame += inside >> shift_of(host) << (shift_of(host) - page_shift);
    entry.size = host;
}

[[gnu::noinline]] void PageWalker::finish_nested(VirtAddr address, WalkResult& result, Progress& progress) {
    narrow(address, result.entry);
    const std::uint64_t inside = address.value() & ((1ULL << shift_of(result.entry.size)) - 1);
    read_host(PhysAddr((result.entry.frame << page_shift) + inside), progress);
    result.entry.ready = progress.now;
}

inline WalkResult PageWalker::translate(const TranslationContext& context, VirtAddr address,
                                        FaultAccess access, Progress& progress) {
    WalkResult result = read_tables(context, address, access, progress);
    if (m_host != nullptr && !result.faulted) [[unlikely]]
        finish_nested(address, result, progress);
    return result;
}

inline WalkCache::Start PageWalker::begin(const TranslationContext& context, VirtAddr address) {
    for (;;) {
        const WalkCache::Start at = m_walk_cache.find(address, context.pcid, context.root, m_config.levels);
        if (m_tables.find(at.table) != nullptr) [[likely]]
            return at;
        PAGEWALK_INVARIANT(at.level != m_config.levels);
        // Freed by the OS layer, while the shoot-down is still on its way. Hardware would read the old table.
        m_walk_cache.invalidate(
            {TlbInvalidation::Scope::Range, context.pcid, address.page(), address.page() + page_size, {}});
    }
}

// A walk whose page was not there goes on where it stood, once the kernel has mapped it.
[[gnu::noinline]] void PageWalker::read_as_champsim(const TranslationContext& context, VirtAddr address,
                                                    Progress& progress) {
    const Cycles first_touch = m_config.first_touch;
    if (first_touch != Cycles())
        if (const auto stood = m_champsim->goes_on_from(address)) {
            progress.now = std::max(progress.now, *stood) + first_touch;
            return;
        }
    for (const PhysAddr where : m_champsim->walk(address, context.pcid, context.root))
        read_entry(where, progress);
    progress.now += first_touch * m_champsim->new_tables();
}

inline WalkResult PageWalker::read_tables(const TranslationContext& context, VirtAddr address,
                                          FaultAccess access, Progress& progress) {
    if (m_champsim) [[unlikely]]
        read_as_champsim(context, address, progress);
    if (PageTableFormat* const table = format_of(context, address)) [[unlikely]]
        return read_format(*table, context, address, access, progress);
    WalkResult result;
    WalkCache::Start at = begin(context, address);
    PageTableMemory::Table* table = &m_tables.table(at.table);
    bool writable = at.rights.writable;
    bool executable = at.rights.executable;
    for (;;) {
        PageTableEntry& entry = (*table)[table_index(address, at.level)];
        const PhysAddr where =
            address_of(place_of(at.table)) + table_index(address, at.level) * sizeof(PageTableEntry);
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
            if (!m_champsim && !m_config.perfect)
                progress.now = m_hierarchy.store(where, progress.now, VirtAddr()).ready;
        }
        if (leaf) {
            const std::uint64_t frame = entry.frame().value();
            result.entry = {m_champsim ? m_champsim->place_of(frame).value() : frame,
                            progress.now,
                            static_cast<PageSize>(at.level - 1),
                            writable,
                            writable && entry.has(PageTableEntry::Dirty),
                            executable};
            break;
        }
        at.table = entry.frame();
        m_walk_cache.insert(address, context.pcid, at.level, at.table, {writable, executable});
        --at.level;
        table = &m_tables.table(at.table);
    }
    result.entry.ready = progress.now;
    if (progress.references != 0) result.leaf = static_cast<HitLevel>(progress.hit[progress.references - 1]);
    return result;
}

// Those made together begin together; what follows waits for the last of them.
void PageWalker::read_references(const FormatWalk& walk, Progress& progress) {
    Cycles begin = progress.now, end = progress.now;
    for (std::size_t i = 0; i < walk.count; ++i) {
        if (!walk.references[i].with_last) begin = end;
        progress.now = begin;
        read_entry(walk.references[i].where, progress);
        end = std::max(end, progress.now);
    }
    progress.now = end;
}

[[gnu::noinline]] WalkResult PageWalker::read_format(PageTableFormat& table,
                                                     const TranslationContext& context, VirtAddr address,
                                                     FaultAccess access, Progress& progress) {
    m_format_memory.set_space(context.pcid);
    const FormatWalk walk = table.walk(address, m_format_memory);
    read_references(walk, progress);
    WalkResult result;
    result.entry.ready = progress.now;
    if (progress.references != 0) result.leaf = static_cast<HitLevel>(progress.hit[progress.references - 1]);
    const PageTableEntry entry = walk.found ? *walk.found.entry : PageTableEntry();
    const bool writable = entry.has(PageTableEntry::Writable);
    const bool executable = !entry.has(PageTableEntry::NoExecute);
    if (!entry.present() || (access == FaultAccess::Write && !writable) ||
        (access == FaultAccess::Execute && !executable)) {
        result.faulted = true;
        return result;
    }
    std::uint64_t wanted = PageTableEntry::Accessed;
    if (access == FaultAccess::Write) wanted |= PageTableEntry::Dirty;
    const PageTableEntry used = entry.with(wanted);
    if (used != entry) {
        *walk.found.entry = used;
        ++m_stats.dirty_updates;
        if (!m_config.perfect)
            progress.now = m_hierarchy.store(walk.found.where, progress.now, VirtAddr()).ready;
    }
    result.entry = {.frame = used.frame().value(),
                    .ready = progress.now,
                    .size = static_cast<PageSize>(walk.found.level - 1),
                    .writable = writable,
                    .dirty = writable && used.has(PageTableEntry::Dirty),
                    .executable = executable};
    return result;
}

inline void PageWalker::note_slots(Cycles cycle) {
    std::uint64_t busy = 0;
    for (const Cycles free : m_slot_free) busy += free > cycle ? 1 : 0;
    m_slots_busy.add(busy);
}

WalkResult PageWalker::walk(const TranslationContext& context, VirtAddr address, FaultAccess access,
                            Cycles cycle) {
    note_slots(cycle);
    const auto slot = std::ranges::min_element(m_slot_free);
    const Cycles began = m_config.perfect ? cycle : std::max(cycle, *slot);
    m_stats.walker_wait_cycles += (began - cycle).value();
    Progress progress{.now = began + m_config.walk_cache_latency};
    progress.hit.fill(TlbMissEvent::not_made);
    const WalkResult result = translate(context, address, access, progress);
    if (result.faulted && m_champsim && m_config.first_touch != Cycles()) [[unlikely]] {
        // The walk that goes on takes the slot, and is counted with its whole time.
        m_champsim->faulted(progress.now);
        progress.now = began;
    } else {
        *slot = progress.now;
    }
    const std::uint64_t latency = (progress.now - began).value();
    ++m_stats.walks;
    m_stats.walk_cycles += latency;
    m_stats.walk_references += progress.references;
    for (unsigned i = 0; i < progress.references; ++i) ++m_stats.references_at[progress.hit[i]];
    m_latency.add(latency);
    m_levels.add(progress.references);
    if (progress.references != 0) m_latency_by_leaf[static_cast<std::size_t>(result.leaf)].add(latency);
    if (result.faulted) ++m_stats.faults;
    if (EventLog<TlbMissEvent>& misses = m_events.of<TlbMissEvent>(); misses.wanted()) {
        TlbMissEvent event;
        std::copy_n(progress.hit.begin(), event.hit.size(), event.hit.begin());
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

std::optional<TlbEntry> PageWalker::walk_ahead(const TranslationContext& context, VirtAddr address,
                                               Cycles cycle) {
    const auto slot = std::ranges::min_element(m_slot_free);
    if (*slot > cycle) {
        ++m_stats.walks_ahead_dropped;
        return std::nullopt;
    }
    Progress progress{.now = cycle + m_config.walk_cache_latency};
    const WalkResult result = translate(context, address, FaultAccess::Read, progress);
    *slot = progress.now;
    ++m_stats.walks_ahead;
    m_stats.ahead_references += progress.references;
    m_stats.ahead_cycles += (progress.now - cycle).value();
    if (result.faulted) {
        ++m_stats.walks_ahead_dropped;
        return std::nullopt;
    }
    return result.entry;
}

std::optional<TlbEntry> PageWalker::peek(const TranslationContext& context, VirtAddr address) {
    std::optional<TlbEntry> entry = peek_tables(context, address);
    if (m_host == nullptr || !entry) [[likely]]
        return entry;
    narrow(address, *entry);
    if (!m_host->backs(address_of(Pfn(entry->frame)))) return std::nullopt;
    return entry;
}

unsigned PageWalker::prefetch_entries(const TranslationContext& context, VirtAddr address, unsigned levels,
                                      Cycles cycle) {
    if (format_of(context, address) != nullptr) return 0;
    unsigned fetched = 0;
    Pfn table = context.root;
    for (unsigned level = m_config.levels; level >= 1; --level) {
        const PageTableMemory::Table* const entries = m_tables.find(table);
        if (entries == nullptr) break;
        const std::size_t index = table_index(address, level);
        if (level <= levels) {
            (void)m_hierarchy.walk(address_of(place_of(table)) + index * sizeof(PageTableEntry), cycle);
            ++fetched;
        }
        const PageTableEntry entry = (*entries)[index];
        if (!entry.present() || entry.has(PageTableEntry::Huge)) break;
        table = entry.frame();
    }
    return fetched;
}

std::optional<TlbEntry> PageWalker::peek_tables(const TranslationContext& context, VirtAddr address) {
    if (PageTableFormat* const format = format_of(context, address)) [[unlikely]] {
        const EntryPlace huge = format->find_huge(address);
        const EntryPlace place = huge && !huge.entry->empty() ? huge : format->find(address);
        if (!place || !place.entry->present() || !place.entry->has(PageTableEntry::Accessed))
            return std::nullopt;
        const bool writable = place.entry->has(PageTableEntry::Writable);
        return TlbEntry{.frame = place.entry->frame().value(),
                        .size = static_cast<PageSize>(place.level - 1),
                        .writable = writable,
                        .dirty = writable && place.entry->has(PageTableEntry::Dirty),
                        .executable = !place.entry->has(PageTableEntry::NoExecute)};
    }
    Pfn table = context.root;
    bool writable = true, executable = true;
    for (unsigned level = m_config.levels;; --level) {
        const PageTableMemory::Table* const entries = m_tables.find(table);
        if (entries == nullptr) return std::nullopt;
        const PageTableEntry entry = (*entries)[table_index(address, level)];
        // No TLB may hold what an entry says whose accessed bit is clear (Intel SDM vol. 3A, 4.10.2.3).
        if (!entry.present() || !entry.has(PageTableEntry::Accessed)) return std::nullopt;
        writable = writable && entry.has(PageTableEntry::Writable);
        executable = executable && !entry.has(PageTableEntry::NoExecute);
        if (level == 1 || entry.has(PageTableEntry::Huge))
            return TlbEntry{.frame = entry.frame().value(),
                            .size = static_cast<PageSize>(level - 1),
                            .writable = writable,
                            .dirty = writable && entry.has(PageTableEntry::Dirty),
                            .executable = executable};
        table = entry.frame();
    }
}

} // namespace pagewalk::models
