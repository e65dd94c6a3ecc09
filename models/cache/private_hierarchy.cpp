#include "models/cache/private_hierarchy.h"

#include <algorithm>
#include <string>

namespace pagewalk::models {
namespace {

std::string component(CpuId cpu, const char* level) {
    return "core" + std::to_string(index_of(cpu)) + "/" + level;
}

} // namespace

PrivateHierarchy::PrivateHierarchy(const PrivateHierarchyConfig& config, CpuId cpu, Clock clock,
                                   CoherentMemory& memory, std::uint64_t seed)
    : m_l1d(config.l1d, seed, component(cpu, "l1d"), Cache::RecentFirst::Yes),
      m_l1i(config.l1i, seed, component(cpu, "l1i"), Cache::RecentFirst::Yes),
      m_l2(config.l2, seed, component(cpu, "l2"), Cache::RecentFirst::No), m_clock(clock), m_memory(memory),
      m_cpu(cpu), m_walks_through(config.walks_through), m_l1_inclusion(config.l1_inclusion),
      m_perfect_l2(config.perfect_l2), m_sends_clean_victims(memory.wants_clean_victims()) {
    memory.attach(cpu, *this);
}

void PrivateHierarchy::declare(StatGroup group) const {
    m_l1i.stats.declare(group.group("l1i"), "cycles");
    m_l1d.stats.declare(group.group("l1d"), "cycles");
    m_l2.stats.declare(group.group("l2"), "cycles");
}

bool PrivateHierarchy::note_hit(Level& level, CacheLine& line, Cycles ready, bool demand) {
    const bool in_flight = line.ready() > ready.value();
    if (!demand) return in_flight;
    if (in_flight) ++level.stats.merges;
    if (line.prefetched()) {
        line.clear_prefetched();
        ++level.stats.prefetches_useful;
        if (in_flight) ++level.stats.prefetches_late;
    }
    return in_flight;
}

[[gnu::noinline]] AccessResult PrivateHierarchy::hit_l1d(CacheLine& line, LineNumber number, Cycles cycle,
                                                         AccessKind kind) {
    const Cycles ready = cycle + m_l1d.latency;
    const bool in_flight = note_hit(m_l1d, line, ready, true);
    const AccessResult result{std::max(ready, Cycles(line.ready())),
                              in_flight ? line.source() : HitLevel::L1};
    if (!is_store(kind)) return result;
    if (line.exclusive()) {
        line.set_dirty();
        return result;
    }
    ++m_l1d.stats.upgrades;
    const L2Result upgraded = upgrade(number, ready + m_l2.latency, result.ready);
    if (CacheLine* const mine = m_l1d.tags.probe(number)) {
        mine->set_exclusive();
        mine->set_dirty();
        mine->set_ready(upgraded.ready.value());
    }
    return {upgraded.ready, upgraded.level};
}

// The path of a miss through both levels and of the victims that it moves is one function.
[[gnu::flatten]] AccessResult PrivateHierarchy::l1d_slow(CacheLine* line, PhysAddr address, Cycles cycle,
                                                         AccessKind kind, VirtAddr pc) {
    const AccessResult result = line != nullptr ? hit_l1d(*line, line_number_of(address), cycle, kind)
                                                : miss_l1(m_l1d, address, cycle, kind, pc);
    if (m_l1d.prefetcher.active() && kind != AccessKind::Walk)
        m_l1d.prefetcher.train(address, pc,
                               [&](PhysAddr target) { prefetch_l1(m_l1d, target, cycle + m_l1d.latency); });
    return result;
}

AccessResult PrivateHierarchy::walk_below_l1(PhysAddr address, Cycles cycle) {
    const LineNumber number = line_number_of(address);
    if (m_walks_through == WalksThrough::L2 || m_l1d.tags.probe(number) != nullptr ||
        m_l2.tags.probe(number) != nullptr)
        return walk_l2(address, cycle);
    const LineResponse response = m_memory.request({.line = address_of_line(number),
                                                    .requester = m_cpu,
                                                    .kind = AccessKind::Walk,
                                                    .time = m_clock.to_ticks(cycle)});
    const Cycles ready = std::max(cycle, m_clock.to_cycles(response.ready));
    // The line stays below: the directory hears at once that no private cache has it.
    send_victim(number, ready, Dirty::No, Retained::No);
    return {ready, response.level};
}

AccessResult PrivateHierarchy::walk_l2(PhysAddr address, Cycles cycle) {
    const L2Result result = access_l2(line_number_of(address), cycle, AccessKind::Walk, VirtAddr(), address);
    return {result.ready, result.level};
}

AccessResult PrivateHierarchy::l1i_slow(CacheLine* line, PhysAddr address, Cycles cycle) {
    const Cycles ready = cycle + m_l1i.latency;
    AccessResult result;
    if (line != nullptr) {
        const bool in_flight = note_hit(m_l1i, *line, ready, true);
        result = {std::max(ready, Cycles(line->ready())), in_flight ? line->source() : HitLevel::L1};
    } else {
        result = miss_l1(m_l1i, address, cycle, AccessKind::Fetch, VirtAddr());
    }
    m_l1i.prefetcher.train(address, VirtAddr(), [&](PhysAddr target) { prefetch_l1(m_l1i, target, ready); });
    return result;
}

AccessResult PrivateHierarchy::miss_l1(Level& l1, PhysAddr address, Cycles cycle, AccessKind kind,
                                       VirtAddr pc) {
    const LineNumber number = line_number_of(address);
    m_l2.tags.prefetch(number);
    ++l1.stats.misses;
    if (kind == AccessKind::Walk) ++l1.stats.walk_misses;
    const Cycles known = cycle + l1.latency;
    const Cycles start(l1.mshrs.first_free(known.value()));
    L2Result below = access_l2(number, start, kind, pc, address);
    below.ready += l1.fill_latency;
    const Cycles arrives(l1.mshrs.take(start.value(), below.ready.value()));
    if (start != known || arrives != below.ready) ++l1.stats.mshr_waits;
    below.ready = arrives;
    l1.stats.miss_time += (below.ready - known).value();
    CacheLine& line = fill_l1(l1, number, below);
    if (is_store(kind)) line.set_dirty();
    return {below.ready, below.level};
}

PrivateHierarchy::L2Result PrivateHierarchy::access_l2(LineNumber number, Cycles cycle, AccessKind kind,
                                                       VirtAddr pc, PhysAddr address) {
    const bool demand = !is_prefetch(kind);
    const Cycles known = begin_at(m_l2, cycle) + m_l2.latency;
    if (demand) {
        ++m_l2.stats.accesses;
        if (kind == AccessKind::Walk) ++m_l2.stats.walk_accesses;
    }
    L2Result result;
    if (CacheLine* const line = m_l2.tags.access(number)) {
        const bool in_flight = note_hit(m_l2, *line, known, demand);
        result = {std::max(known, Cycles(line->ready())), in_flight ? line->source() : HitLevel::L2,
                  line->exclusive()};
        if (is_store(kind) && !result.exclusive) {
            ++m_l2.stats.upgrades;
            result = upgrade(number, known, result.ready);
        }
    } else {
        if (demand) {
            ++m_l2.stats.misses;
            if (kind == AccessKind::Walk) ++m_l2.stats.walk_misses;
        }
        result = fetch_into_l2(number, known, kind);
        if (demand) m_l2.stats.miss_time += (result.ready - known).value();
    }
    if (m_l2.prefetcher.active() && demand && kind != AccessKind::Walk)
        m_l2.prefetcher.train(address, pc, [&](PhysAddr target) { prefetch_l2(target, known); });
    return result;
}

PrivateHierarchy::L2Result PrivateHierarchy::fetch_into_l2(LineNumber number, Cycles cycle, AccessKind kind) {
    if (m_perfect_l2) [[unlikely]] {
        fill_l2(number, cycle, HitLevel::L2).set_exclusive();
        return {cycle, HitLevel::L2, true};
    }
    const Cycles start(m_l2.mshrs.first_free(cycle.value()));
    const LineResponse response = m_memory.request(
        {.line = address_of_line(number), .requester = m_cpu, .kind = kind, .time = m_clock.to_ticks(start)});
    const Cycles answered = std::max(start, m_clock.to_cycles(response.ready)) + m_l2.fill_latency;
    const Cycles ready(m_l2.mshrs.take(start.value(), answered.value()));
    if (start != cycle || ready != answered) ++m_l2.stats.mshr_waits;
    CacheLine& line = fill_l2(number, ready, response.level);
    if (response.exclusive) line.set_exclusive();
    if (response.taken && m_observer != nullptr && !is_prefetch(kind)) [[unlikely]]
        m_observer->line_taken();
    return {ready, response.level, response.exclusive};
}

[[gnu::noinline]] PrivateHierarchy::L2Result PrivateHierarchy::upgrade(LineNumber number, Cycles cycle,
                                                                       Cycles data_ready) {
    const LineResponse response = m_memory.request({.line = address_of_line(number),
                                                    .requester = m_cpu,
                                                    .kind = AccessKind::Store,
                                                    .time = m_clock.to_ticks(cycle)});
    const Cycles ready = std::max(data_ready, m_clock.to_cycles(response.ready));
    if (response.taken && m_observer != nullptr) m_observer->line_taken();
    if (CacheLine* const line = m_l2.tags.probe(number)) {
        line->set_exclusive();
        line->set_ready(ready.value());
    }
    return {ready, response.level, true};
}

[[gnu::noinline]] void PrivateHierarchy::prefetch_l1(Level& l1, PhysAddr address, Cycles cycle) {
    const LineNumber number = line_number_of(address);
    if (l1.tags.probe(number) != nullptr) return;
    if (!l1.mshrs.has_free(cycle.value())) return;
    ++l1.stats.prefetches;
    cycle = begin_at(l1, cycle);
    const AccessKind kind = &l1 == &m_l1i ? AccessKind::PrefetchCode : AccessKind::Prefetch;
    L2Result below = access_l2(number, cycle, kind, VirtAddr(), address);
    below.ready += l1.fill_latency;
    below.ready = Cycles(l1.mshrs.take(cycle.value(), below.ready.value()));
    fill_l1(l1, number, below).set_prefetched();
}

[[gnu::noinline]] void PrivateHierarchy::prefetch_l2(PhysAddr address, Cycles cycle) {
    const LineNumber number = line_number_of(address);
    if (m_l2.tags.probe(number) != nullptr || !m_l2.mshrs.has_free(cycle.value())) return;
    ++m_l2.stats.prefetches;
    fetch_into_l2(number, begin_at(m_l2, cycle), AccessKind::Prefetch);
    if (CacheLine* const line = m_l2.tags.probe(number)) line->set_prefetched();
}

CacheLine& PrivateHierarchy::fill_l1(Level& l1, LineNumber number, const L2Result& from) {
    CacheLine victim;
    CacheLine& line = l1.tags.allocate(number, victim);
    line.fill(number, from.ready.value(), from.level);
    if (from.exclusive) line.set_exclusive();
    if (!victim.valid()) return line;
    if (victim.dirty()) {
        ++l1.stats.write_backs_out;
        write_back_to_l2(victim, from.ready);
    } else if (m_sends_clean_victims && m_l2.tags.probe(victim.number()) == nullptr) {
        Level& other = &l1 == &m_l1d ? m_l1i : m_l1d;
        if (other.tags.probe(victim.number()) == nullptr)
            send_victim(victim.number(), from.ready, Dirty::No, Retained::No);
    }
    return line;
}

CacheLine& PrivateHierarchy::fill_l2(LineNumber number, Cycles ready, HitLevel source) {
    CacheLine victim;
    CacheLine& line = m_l2.tags.allocate(number, victim);
    line.fill(number, ready.value(), source);
    if (victim.valid()) leave_l2(victim, ready);
    return line;
}

void PrivateHierarchy::write_back_to_l2(const CacheLine& victim, Cycles cycle) {
    ++m_l2.stats.write_backs_in;
    cycle = begin_at(m_l2, cycle);
    CacheLine* line = m_l2.tags.access(victim.number());
    if (line == nullptr) line = &fill_l2(victim.number(), cycle, HitLevel::L2);
    line->set_exclusive();
    line->set_dirty();
}

void PrivateHierarchy::leave_l2(const CacheLine& victim, Cycles cycle) {
    if ((victim.number() & translation_mark) != 0) [[unlikely]]
        return; // the page tables have them
    Dirty dirty = victim.dirty() ? Dirty::Yes : Dirty::No;
    Retained retained = Retained::No;
    if (m_l1_inclusion == L1Inclusion::Inclusive) {
        if (CacheLine* const copy = m_l1d.tags.probe(victim.number())) {
            if (copy->dirty()) dirty = Dirty::Yes;
            m_l1d.tags.drop(*copy);
        }
        if (CacheLine* const copy = m_l1i.tags.probe(victim.number())) m_l1i.tags.drop(*copy);
    } else if (m_sends_clean_victims && (m_l1d.tags.probe(victim.number()) != nullptr ||
                                         m_l1i.tags.probe(victim.number()) != nullptr)) {
        retained = Retained::Yes;
    }
    if (dirty == Dirty::Yes) ++m_l2.stats.write_backs_out;
    if (dirty == Dirty::Yes || m_sends_clean_victims) send_victim(victim.number(), cycle, dirty, retained);
}

void PrivateHierarchy::send_victim(LineNumber number, Cycles cycle, Dirty dirty, Retained retained) {
    m_memory.evict({.line = address_of_line(number),
                    .requester = m_cpu,
                    .kind = AccessKind::WriteBack,
                    .time = m_clock.to_ticks(cycle)},
                   dirty, retained);
}

PrivateHierarchy::Translations PrivateHierarchy::find_translations(std::uint64_t number, Cycles cycle) {
    const Cycles known = begin_at(m_l2, cycle) + m_l2.latency;
    const CacheLine* const line = m_l2.tags.access(translation_mark | number);
    if (line == nullptr) return {known, false};
    return {std::max(known, Cycles(line->ready())), true};
}

bool PrivateHierarchy::keep_translations(std::uint64_t number, Cycles cycle) {
    if (has_translations(number)) return false;
    fill_l2(translation_mark | number, cycle, HitLevel::L2);
    return true;
}

bool PrivateHierarchy::drop_translations(std::uint64_t number) {
    CacheLine* const line = m_l2.tags.probe(translation_mark | number);
    if (line == nullptr) return false;
    m_l2.tags.drop(*line);
    return true;
}

SnoopTarget::Dirty PrivateHierarchy::invalidate(PhysAddr address) {
    const LineNumber number = line_number_of(address);
    Dirty dirty = Dirty::No;
    for (Level* level : {&m_l1i, &m_l1d, &m_l2}) {
        CacheLine* const line = level->tags.probe(number);
        if (line == nullptr) continue;
        if (line->dirty()) dirty = Dirty::Yes;
        ++level->stats.snoop_invalidations;
        level->tags.drop(*line);
    }
    return dirty;
}

SnoopTarget::Dirty PrivateHierarchy::downgrade(PhysAddr address) {
    const LineNumber number = line_number_of(address);
    Dirty dirty = Dirty::No;
    for (Level* level : {&m_l1d, &m_l2}) {
        CacheLine* const line = level->tags.probe(number);
        if (line == nullptr) continue;
        if (line->dirty()) dirty = Dirty::Yes;
        ++level->stats.snoop_downgrades;
        line->set_shared();
    }
    return dirty;
}

} // namespace pagewalk::models
