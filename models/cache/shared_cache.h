#pragma once

#include "base/stats.h"
#include "base/time.h"
#include "models/cache/cache.h"
#include "models/cache/cache_config.h"
#include "models/cache/cache_stats.h"
#include "models/cache/coherent_memory.h"
#include "models/cache/directory.h"
#include "models/cache/line_transfers.h"
#include "models/cache/mshr_file.h"
#include "models/cache/slice_port.h"
#include "models/memory/memory_port.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::models {

struct SharedCacheStats {
    CacheStats cache;
    std::uint64_t remote_cache_hits = 0;  ///< data came from another core's private caches
    std::uint64_t invalidations = 0;      ///< private copies dropped because of another core's store
    std::uint64_t downgrades = 0;         ///< exclusive private copies made shared
    std::uint64_t back_invalidations = 0; ///< private copies dropped with the inclusive LLC's line
    std::uint64_t transfer_waits =
        0; ///< requests for a line on its way from one private hierarchy to another
    std::uint64_t lines_not_read = 0;
    std::uint64_t device_accesses = 0;
    std::uint64_t device_reads_from_memory = 0;
    std::uint64_t device_writes_to_memory = 0; ///< without DDIO
    std::uint64_t device_lines_allocated = 0;  ///< by writes that no line was there for

    void declare(StatGroup group) const;
};

/// Who may send requests to a shared cache.
struct SharedCacheClients {
    std::size_t cpus = 1;
    std::uint64_t private_lines = 0; ///< of all of them; sizes the directory
};

/// Last-level cache of one socket with the directory of the lines whose home it is: the only place where
/// those lines are looked up, whoever asks. MESI: a load of a line that nobody holds gets it exclusive, an
/// instruction fetch shared, so that the next CPU to fetch it asks nobody.
///
/// Timing: a request waits for its slice's port, then looks up; a miss leaves after the look-up, a line in
/// another core's private caches takes a snoop round trip more. A line is on its way to one core at a time:
/// who asks meanwhile is looked up again when it has arrived. Dropped lines are written to memory when the
/// new line arrives and delay nobody.
///
/// Of a device, Dma reads a line without anybody keeping it. WriteBack drops all private copies and writes a
/// whole line into the cache as Intel DDIO does: over the line where it is here, otherwise into one of a few
/// ways; without DDIO it goes to memory.
class SharedCache final : public CoherentMemory {
public:
    SharedCache(const LlcConfig& config, SharedCacheClients clients, MemoryPort& memory, std::uint64_t seed,
                std::string_view name);

    LineResponse request(const LineRequest& request) override;
    void evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) override;
    [[nodiscard]] bool wants_clean_victims() const override {
        return m_directory.has_value() || m_policy == LlcPolicy::Victim;
    }
    void attach(CpuId cpu, SnoopTarget& target) override { attach(cpu, target, Tick()); }
    /// `distance`: what a snoop of this CPU takes on top, there and back.
    void attach(CpuId cpu, SnoopTarget& target, Tick distance);
    [[nodiscard]] Tick look_up_time() const { return m_latency; }

    [[nodiscard]] const SharedCacheStats& stats() const { return m_stats; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    struct Slice {
        Slice(const CacheConfig& config, Tick port_use, std::uint64_t seed, std::string_view name)
            : tags(config, seed, name), mshrs(config.mshrs), port(port_use) {}
        Cache tags;
        MshrFile mshrs;
        SlicePort port;
    };
    struct Client {
        SnoopTarget* target = nullptr;
        Tick distance{};
    };
    /// What asking the other private caches brought.
    struct Snooped {
        Tick ready{};              ///< when their answers are here
        bool supplied = false;     ///< with modified data
        bool exclusive = true;     ///< the requester is now alone
        bool already_held = false; ///< the requester had the line
        bool any = false;          ///< somebody was asked
        [[nodiscard]] bool taken(AccessKind kind) const { return supplied || (any && is_store(kind)); }
    };

    [[nodiscard]] Slice& slice_of(LineNumber line) {
        if (m_slices.size() == 1) return m_slices.front();
        const std::uint64_t hash = (line * 0x9e3779b97f4a7c15ULL) >> 32;
        return m_slices[static_cast<std::size_t>((hash * m_slices.size()) >> 32)];
    }

    LineResponse write_back(const LineRequest& request, Tick looked_up);
    Snooped snoop(LineNumber line, const LineRequest& request, Tick time);
    void wait_for_transfer(LineNumber line, Tick time, Snooped& snooped);
    SnoopTarget::Dirty invalidate_others(DirectoryEntry entry, RequesterId keep, Tick time, Tick& ready);
    LineResponse device_access(Slice& slice, LineNumber line, const LineRequest& request, Tick time);
    LineResponse device_read(Slice& slice, LineNumber line, const LineRequest& request, Tick time);
    void device_write(Slice& slice, LineNumber line, const LineRequest& request, Tick time);
    CacheLine& fill(Slice& slice, LineNumber line, const LineRequest& request, Tick ready, HitLevel source);
    void take_dirty(Slice& slice, LineNumber line, const LineRequest& request, Tick time);
    void leave(const CacheLine& victim, const LineRequest& request, Tick time);
    /// Drops the private copies of an inclusive cache's victim.
    SnoopTarget::Dirty drop_private_copies(LineNumber line);

    std::vector<Slice> m_slices;
    std::vector<Client> m_clients;
    std::optional<Directory> m_directory;
    LineTransfers m_transfers;
    MemoryPort& m_memory;
    LlcPolicy m_policy;
    Tick m_latency;
    Tick m_fill_latency;
    Tick m_snoop;
    std::uint32_t m_ddio_ways;
    SharedCacheStats m_stats;
};

} // namespace pagewalk::models
