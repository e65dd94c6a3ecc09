#include "models/cache/shared_cache.h"

#include "base/error.h"

#include <algorithm>
#include <string>

namespace pagewalk::models {

void SharedCacheStats::declare(StatGroup group) const {
    cache.declare(group, "ps");
    group.counter("remote_cache_hits", remote_cache_hits, "count",
                  "requests whose data came from another core's private caches");
    group.counter("invalidations", invalidations, "count",
                  "private copies dropped because another core stores to the line");
    group.counter("downgrades", downgrades, "count", "exclusive private copies made shared");
    group.counter("back_invalidations", back_invalidations, "count",
                  "private copies dropped because the inclusive cache dropped the line");
    group.counter("transfer_waits", transfer_waits, "count",
                  "requests for a line that was on its way from one core's private caches to another's");
    group.counter("lines_not_read", lines_not_read, "count",
                  "stores of whole lines that needed no read from memory");
    group.counter("device_accesses", device_accesses, "count", "lines read or written by devices");
    group.counter("device_reads_from_memory", device_reads_from_memory, "count",
                  "lines that devices read and no cache held");
    group.counter("device_writes_to_memory", device_writes_to_memory, "count",
                  "lines that devices wrote to memory (llc.ddio_ways = 0)");
    group.counter("device_lines_allocated", device_lines_allocated, "count",
                  "lines that devices wrote and that took a place in the cache");
}

SharedCache::SharedCache(const LlcConfig& config, SharedCacheClients clients, MemoryPort& memory,
                         std::uint64_t seed, std::string_view name)
    : m_clients(clients.cpus), m_memory(memory), m_policy(config.policy), m_ddio_ways(config.ddio_ways) {
    PAGEWALK_INVARIANT(clients.cpus >= 1 && clients.cpus <= Directory::max_cpus);
    const Clock clock(config.frequency);
    m_latency = clock.to_ticks(config.cache.latency);
    m_fill_latency = clock.to_ticks(config.cache.fill_latency);
    const Tick port_use = clock.to_ticks(config.port);
    m_snoop = clock.to_ticks(config.snoop);
    m_slices.reserve(config.slices);
    for (std::uint32_t i = 0; i < config.slices; ++i)
        m_slices.emplace_back(config.cache, port_use, seed, std::string(name) + std::to_string(i));
    if (clients.cpus > 1) m_directory.emplace(clients.private_lines, clients.cpus);
}

void SharedCache::attach(CpuId cpu, SnoopTarget& target, Tick distance) {
    PAGEWALK_INVARIANT(index_of(cpu) < m_clients.size());
    m_clients[index_of(cpu)] = {&target, distance};
}

[[gnu::flatten]] LineResponse SharedCache::request(const LineRequest& request) {
    const LineNumber number = line_number_of(request.line);
    Slice& slice = slice_of(number);
    slice.tags.prefetch(number);
    if (m_directory) m_directory->prefetch(number);
    const Tick looked_up = slice.port.reserve(request.time) + m_latency;
    if (request.requester.is_device()) [[unlikely]]
        return device_access(slice, number, request, looked_up);
    if (request.kind == AccessKind::WriteBack) [[unlikely]]
        return write_back(request, looked_up);

    const bool demand = !is_prefetch(request.kind);
    if (demand) {
        ++m_stats.cache.accesses;
        if (request.kind == AccessKind::Walk) ++m_stats.cache.walk_accesses;
    }
    Snooped snooped{.ready = looked_up};
    if (m_directory) {
        snooped = snoop(number, request, looked_up);
        if (snooped.supplied) {
            ++m_stats.remote_cache_hits;
            take_dirty(slice, number, request, snooped.ready);
            return {snooped.ready, HitLevel::RemoteCache, snooped.exclusive, true};
        }
        if (snooped.already_held) {
            if (demand) ++m_stats.cache.upgrades;
            return {snooped.ready, snooped.any ? HitLevel::RemoteCache : HitLevel::Llc, true, snooped.any};
        }
    }
    const bool taken = snooped.taken(request.kind);

    if (CacheLine* const line = slice.tags.access(number)) {
        const Tick ready = std::max(snooped.ready, Tick(line->ready()));
        const bool in_flight = line->ready() > looked_up.value();
        if (demand && in_flight) ++m_stats.cache.merges;
        return {ready, in_flight ? line->source() : HitLevel::Llc, snooped.exclusive, taken};
    }
    if (snooped.any && demand && request.kind != AccessKind::StoreLine) {
        // The LLC lacks it, but who was asked had it, clean (MESIF: the owner forwards it).
        ++m_stats.remote_cache_hits;
        return {snooped.ready, HitLevel::RemoteCache, snooped.exclusive, taken};
    }
    if (request.kind == AccessKind::StoreLine) {
        ++m_stats.lines_not_read;
        if (m_policy == LlcPolicy::Inclusive) fill(slice, number, request, snooped.ready, HitLevel::Llc);
        return {snooped.ready, HitLevel::Llc, snooped.exclusive, taken};
    }
    const Tick start(slice.mshrs.first_free(looked_up.value()));
    const Tick answered =
        m_memory.access({request.line, request.requester, request.kind, start}) + m_fill_latency;
    const Tick arrived(slice.mshrs.take(start.value(), answered.value()));
    if (start != looked_up || arrived != answered) ++m_stats.cache.mshr_waits;
    if (demand) {
        ++m_stats.cache.misses;
        if (request.kind == AccessKind::Walk) ++m_stats.cache.walk_misses;
        m_stats.cache.miss_time += (arrived - looked_up).value();
    }
    if (m_policy != LlcPolicy::Victim) fill(slice, number, request, arrived, HitLevel::Memory);
    return {std::max(arrived, snooped.ready), HitLevel::Memory, snooped.exclusive, taken};
}

[[gnu::noinline]] LineResponse SharedCache::write_back(const LineRequest& request, Tick looked_up) {
    evict(request, SnoopTarget::Dirty::Yes, Retained::No);
    return {looked_up, HitLevel::Llc, false};
}

[[gnu::noinline]] SharedCache::Snooped SharedCache::snoop(LineNumber number, const LineRequest& request,
                                                          Tick time) {
    DirectoryEntry entry = m_directory->find_or_insert(number);
    const CpuId cpu = request.requester.cpu();
    Snooped result{.ready = time};
    result.already_held = entry.contains(cpu);
    if (is_store(request.kind)) {
        result.supplied = invalidate_others(entry, cpu, time, result.ready) == SnoopTarget::Dirty::Yes;
        result.any = result.ready != time;
        if (result.any) wait_for_transfer(number, time, result);
        entry.set_only(cpu);
        entry.set_state(DirectoryEntry::State::Exclusive);
        return result;
    }
    result.already_held = false;
    if (entry.state() == DirectoryEntry::State::Exclusive && !entry.contains(cpu)) {
        entry.for_each([&](CpuId owner) {
            const Client& client = m_clients[index_of(owner)];
            result.supplied = client.target->downgrade(request.line) == SnoopTarget::Dirty::Yes;
            result.ready = time + m_snoop + client.distance;
        });
        result.any = true;
        ++m_stats.downgrades;
        if (result.supplied) wait_for_transfer(number, time, result);
        entry.set_state(DirectoryEntry::State::Shared);
    }
    const bool owned = entry.state() == DirectoryEntry::State::Exclusive && entry.contains(cpu);
    result.exclusive = owned || (entry.empty() && !is_code(request.kind));
    entry.add(cpu);
    if (result.exclusive) entry.set_state(DirectoryEntry::State::Exclusive);
    return result;
}

// The line goes to the requester once whoever has asked for it before has got it.
void SharedCache::wait_for_transfer(LineNumber number, Tick time, Snooped& snooped) {
    // CPUs that contend for a line are that close to each other: of two, the first to ask is the first.
    constexpr Tick together{10'000};
    const Tick asked = time + together;
    const Tick arrived = m_transfers.arrival(number, asked);
    if (arrived > asked) {
        ++m_stats.transfer_waits;
        snooped.ready += arrived - time;
    }
    // The home looks the line up for the next one when it knows that it has arrived.
    m_transfers.add(number, asked, snooped.ready + m_latency);
}

SnoopTarget::Dirty SharedCache::invalidate_others(DirectoryEntry entry, RequesterId keep, Tick time,
                                                  Tick& ready) {
    SnoopTarget::Dirty dirty = SnoopTarget::Dirty::No;
    const PhysAddr line = address_of_line(entry.line());
    entry.for_each([&](CpuId cpu) {
        if (keep == cpu) return;
        const Client& client = m_clients[index_of(cpu)];
        if (client.target->invalidate(line) == SnoopTarget::Dirty::Yes) dirty = SnoopTarget::Dirty::Yes;
        ready = std::max(ready, time + m_snoop + client.distance);
        ++m_stats.invalidations;
    });
    return dirty;
}

[[gnu::flatten]] void SharedCache::evict(const LineRequest& request, SnoopTarget::Dirty dirty,
                                         Retained retained) {
    const LineNumber number = line_number_of(request.line);
    Slice& slice = slice_of(number);
    const bool comes_in = dirty == SnoopTarget::Dirty::Yes || m_policy == LlcPolicy::Victim;
    if (comes_in) slice.tags.prefetch(number);
    if (m_directory && retained == Retained::No) {
        if (DirectoryEntry entry = m_directory->find(number)) {
            entry.remove(request.requester.cpu());
            if (entry.empty()) m_directory->erase(entry);
        }
    }
    if (!comes_in) return;
    const Tick arrived = slice.port.reserve(request.time) + m_latency;
    if (dirty == SnoopTarget::Dirty::Yes) {
        ++m_stats.cache.write_backs_in;
        take_dirty(slice, number, request, arrived);
    } else if (slice.tags.access(number) == nullptr) {
        fill(slice, number, request, arrived, HitLevel::Llc);
    }
}

void SharedCache::take_dirty(Slice& slice, LineNumber number, const LineRequest& request, Tick time) {
    CacheLine* line = slice.tags.access(number);
    if (line == nullptr) line = &fill(slice, number, request, time, HitLevel::Llc);
    line->set_dirty();
}

CacheLine& SharedCache::fill(Slice& slice, LineNumber number, const LineRequest& request, Tick ready,
                             HitLevel source) {
    CacheLine victim;
    CacheLine& line = slice.tags.allocate(number, victim);
    line.fill(number, ready.value(), source);
    if (victim.valid()) leave(victim, request, ready);
    return line;
}

void SharedCache::leave(const CacheLine& victim, const LineRequest& request, Tick time) {
    bool dirty = victim.dirty();
    if (m_policy == LlcPolicy::Inclusive && drop_private_copies(victim.number()) == SnoopTarget::Dirty::Yes)
        dirty = true;
    if (!dirty) return;
    ++m_stats.cache.write_backs_out;
    m_memory.access({address_of_line(victim.number()), request.requester, AccessKind::WriteBack, time});
}

[[gnu::noinline]] SnoopTarget::Dirty SharedCache::drop_private_copies(LineNumber line) {
    SnoopTarget::Dirty dirty = SnoopTarget::Dirty::No;
    const PhysAddr address = address_of_line(line);
    const auto drop = [&](CpuId cpu) {
        ++m_stats.back_invalidations;
        if (m_clients[index_of(cpu)].target->invalidate(address) == SnoopTarget::Dirty::Yes)
            dirty = SnoopTarget::Dirty::Yes;
    };
    if (!m_directory) {
        drop(CpuId{0});
    } else if (const DirectoryEntry entry = m_directory->find(line)) {
        entry.for_each(drop);
        m_directory->erase(entry);
    }
    return dirty;
}

[[gnu::noinline]] LineResponse SharedCache::device_access(Slice& slice, LineNumber number,
                                                          const LineRequest& request, Tick time) {
    ++m_stats.device_accesses;
    if (request.kind != AccessKind::WriteBack) return device_read(slice, number, request, time);
    device_write(slice, number, request, time);
    return {time, HitLevel::Llc, false};
}

LineResponse SharedCache::device_read(Slice& slice, LineNumber number, const LineRequest& request,
                                      Tick time) {
    if (DirectoryEntry entry = m_directory ? m_directory->find(number) : DirectoryEntry();
        entry && entry.state() == DirectoryEntry::State::Exclusive) {
        SnoopTarget::Dirty dirty = SnoopTarget::Dirty::No;
        Tick answered = time;
        entry.for_each([&](CpuId owner) {
            const Client& client = m_clients[index_of(owner)];
            dirty = client.target->downgrade(request.line);
            answered = time + m_snoop + client.distance;
        });
        entry.set_state(DirectoryEntry::State::Shared);
        if (dirty == SnoopTarget::Dirty::Yes) {
            take_dirty(slice, number, request, answered);
            return {answered, HitLevel::RemoteCache, false};
        }
    }
    if (SnoopTarget* const only = m_directory ? nullptr : m_clients.front().target;
        only != nullptr && only->downgrade(request.line) == SnoopTarget::Dirty::Yes) {
        take_dirty(slice, number, request, time + m_snoop);
        return {time + m_snoop, HitLevel::RemoteCache, false};
    }
    if (const CacheLine* const line = slice.tags.access(number))
        return {std::max(time, Tick(line->ready())), HitLevel::Llc, false};
    ++m_stats.device_reads_from_memory;
    return {m_memory.access({request.line, request.requester, AccessKind::Dma, time}), HitLevel::Memory,
            false};
}

void SharedCache::device_write(Slice& slice, LineNumber number, const LineRequest& request, Tick time) {
    if (m_directory) {
        if (const DirectoryEntry entry = m_directory->find(number)) {
            Tick answered = time;
            invalidate_others(entry, request.requester, time, answered);
            m_directory->erase(entry);
        }
    } else if (m_clients.front().target != nullptr) {
        m_clients.front().target->invalidate(request.line);
    }
    CacheLine* line = slice.tags.access(number);
    if (m_ddio_ways == 0) {
        if (line != nullptr) slice.tags.drop(*line);
        ++m_stats.device_writes_to_memory;
        m_memory.access({request.line, request.requester, AccessKind::WriteBack, time});
        return;
    }
    if (line == nullptr) {
        ++m_stats.device_lines_allocated;
        CacheLine victim;
        line = &slice.tags.allocate_within(number, victim, m_ddio_ways);
        line->fill(number, time.value(), HitLevel::Llc);
        if (victim.valid()) leave(victim, request, time);
    }
    line->set_dirty();
}

} // namespace pagewalk::models
