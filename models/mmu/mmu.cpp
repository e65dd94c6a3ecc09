#include "models/mmu/mmu.h"

#include "models/mmu/design/translation_designs.h"

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
}

void DesignStats::declare(StatGroup group) const {
    group.counter("look_ups", look_ups, "count", "second-level TLB misses that the design was asked for");
    group.counter("hits", hits, "count", "of these, served by the design without a walk");
    group.ratio("coverage", "hits", "look_ups", 1, "1", "share of second-level TLB misses served");
}

Mmu::Mmu(const MmuConfig& config, CpuId cpu, const Clock& clock, PrivateHierarchy& hierarchy,
         PageTableMemory& tables)
    : m_config(config), m_tlbs(config), m_walker(m_config, cpu, clock, hierarchy, tables),
      m_design(make_translation_design({m_config, cpu, hierarchy, m_walker, m_tlbs})) {
    if (config.perfect) m_config.l1_latency = m_config.l2_latency = m_config.walk_cache_latency = Cycles();
}

void Mmu::declare(StatGroup group) const {
    m_stats.declare(group);
    m_tlbs.declare(group);
    m_walker.declare(group);
    if (m_design == nullptr) return;
    m_design_stats.declare(group.group("design"));
    m_design->declare(group);
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

Translation Mmu::translate_data_slow(VirtAddr address, FaultAccess access, Cycles cycle, VirtAddr pc) {
    const std::uint16_t pcid = m_context.pcid;
    const bool store = access == FaultAccess::Write;
    Missed missed = Missed::All;
    if (const TlbEntry* const small = m_tlbs.l1d_4k.find({address, PageSize::Page4K, pcid})) {
        if (!store || small->dirty) return hit<PageSize::Page4K>(*small, address, cycle);
        missed = Missed::Rights;
    }
    TlbEntry* entry = m_tlbs.l1d_2m.find({address, PageSize::Page2M, pcid});
    if (entry == nullptr) entry = m_tlbs.l1d_1g().find({address, PageSize::Page1G, pcid});
    if (entry != nullptr && (!store || entry->dirty)) return hit(*entry, address, cycle);
    // A store to a translation that is read-only or clean walks again, as the hardware does.
    if (entry != nullptr) missed = Missed::Rights;
    const Cycles start = cycle + m_config.l1_latency + m_config.l2_latency;
    if (missed == Missed::All) {
        m_tlbs.l1d_4k.count_miss();
        ++m_stats.dtlb_misses;
        m_tlbs.l2.note_instruction(pc);
        if (TlbEntry* second = m_tlbs.find_second_level(address, pcid)) {
            ++m_stats.l2_tlb_hits;
            if (!store || second->dirty) {
                TlbEntry filled = *second;
                filled.ready = std::max(start, second->ready);
                m_tlbs.fill_l1_data(address, pcid, filled);
                return hit(filled, address, cycle);
            }
            missed = Missed::Rights;
        } else {
            ++m_stats.l2_tlb_misses;
            ++m_stats.l2_tlb_data_misses;
        }
    }
    const WalkResult result = walk(address, access, start, pc, missed);
    if (result.faulted) return {Translation::no_address, result.entry.ready};
    m_tlbs.fill_l1_data(address, pcid, result.entry);
    return hit(result.entry, address, cycle);
}

Translation Mmu::translate_fetch_slow(VirtAddr address, Cycles cycle) {
    const std::uint16_t pcid = m_context.pcid;
    TlbEntry found;
    TlbEntry* entry = m_tlbs.l1i_4k.probe({address, PageSize::Page4K, pcid});
    if (entry != nullptr) {
        m_tlbs.l1i_4k.count_hit();
    } else {
        entry = m_tlbs.l1i_2m.find({address, PageSize::Page2M, pcid});
        if (entry == nullptr) entry = m_tlbs.l1i_2m.find({address, PageSize::Page1G, pcid});
        if (entry == nullptr) {
            m_tlbs.l1i_4k.count_miss();
            ++m_stats.itlb_misses;
            m_tlbs.l2.note_instruction(address);
            const Cycles start = cycle + m_config.l1_latency + m_config.l2_latency;
            TlbEntry* const second = m_tlbs.find_second_level(address, pcid);
            ++(second != nullptr ? m_stats.l2_tlb_hits : m_stats.l2_tlb_misses);
            if (second != nullptr && second->executable) {
                found = *second;
                found.ready = std::max(start, second->ready);
            } else {
                const WalkResult result = walk(address, FaultAccess::Execute, start, address,
                                               second != nullptr ? Missed::Rights : Missed::All);
                if (result.faulted) return {Translation::no_address, result.entry.ready};
                found = result.entry;
            }
            (found.size == PageSize::Page4K ? m_tlbs.l1i_4k : m_tlbs.l1i_2m).insert(address, pcid, found);
            entry = &found;
        }
    }
    const Translation translation = hit(*entry, address, cycle);
    m_last_fetch_page = address.page();
    m_last_fetch_frame = translation.address - address.page_offset();
    return translation;
}

inline WalkResult Mmu::walk(VirtAddr address, FaultAccess access, Cycles cycle, VirtAddr pc, Missed missed) {
    if (m_design != nullptr) [[unlikely]]
        return walk_by_design({m_context, address, pc, cycle, access}, missed);
    const WalkResult result = m_walker.walk(m_context, address, access, cycle);
    if (!result.faulted) m_tlbs.fill_second_level(address, m_context.pcid, result.entry);
    return result;
}

[[gnu::noinline]] WalkResult Mmu::walk_by_design(const TlbMiss& miss, Missed missed) {
    Cycles cycle = miss.cycle;
    if (missed == Missed::All) {
        ++m_design_stats.look_ups;
        const std::optional<TlbEntry> found = m_design->find(miss, cycle);
        if (found && (miss.access != FaultAccess::Write || found->dirty) &&
            (miss.access != FaultAccess::Execute || found->executable)) {
            ++m_design_stats.hits;
            fill_by_design(miss, *found);
            return {*found};
        }
    }
    WalkResult result = m_walker.walk(m_context, miss.address, miss.access, cycle);
    if (!result.faulted) {
        result.entry.ready = m_design->usable(miss, result);
        fill_by_design(miss, result.entry);
    }
    m_design->walked(miss, result);
    return result;
}

void Mmu::fill_by_design(const TlbMiss& miss, const TlbEntry& entry) {
    if (m_design->fill(miss, entry) == TranslationDesign::Home::Design) return;
    std::optional<TaggedTlbEntry> evicted;
    m_tlbs.fill_second_level(miss.address, m_context.pcid, entry, &evicted);
    if (evicted) m_design->evicted(*evicted, entry.ready);
}

std::uint64_t Mmu::invalidate(const TlbInvalidation& invalidation) {
    m_last_fetch_page = no_page;
    m_walker.invalidate(invalidation);
    std::uint64_t dropped = m_tlbs.invalidate(invalidation);
    if (m_design != nullptr) dropped += m_design->invalidate(invalidation);
    return dropped;
}

} // namespace pagewalk::models
