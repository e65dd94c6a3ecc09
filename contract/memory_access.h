#pragma once

#include "base/address.h"
#include "base/time.h"
#include "contract/requester.h"

#include <cstdint>

namespace pagewalk {

enum class AccessKind : std::uint8_t {
    Load,
    Store,
    Fetch,
    Walk,
    Prefetch,
    WriteBack,
    Dma,
    StoreLine,    ///< of a whole line: wants it exclusive, but not what it held
    PrefetchCode, ///< of instructions
};
[[nodiscard]] constexpr bool is_store(AccessKind kind) {
    return kind == AccessKind::Store || kind == AccessKind::StoreLine;
}

[[nodiscard]] constexpr bool is_prefetch(AccessKind kind) {
    return kind == AccessKind::Prefetch || kind == AccessKind::PrefetchCode;
}
/// Of instructions: nobody means to store to the line.
[[nodiscard]] constexpr bool is_code(AccessKind kind) {
    return kind == AccessKind::Fetch || kind == AccessKind::PrefetchCode;
}

/// Where an access found its line.
enum class HitLevel : std::uint8_t { L1, L2, Llc, RemoteCache, Memory, RemoteMemory };
inline constexpr std::size_t hit_level_count = 6;

/// A line that a private cache hierarchy (or a device) wants of the shared memory system.
struct LineRequest {
    PhysAddr line{};
    RequesterId requester{};
    AccessKind kind = AccessKind::Load; ///< Store wants the line exclusive; WriteBack expects no answer
    Tick time{};                        ///< when it leaves the private hierarchy
};

struct LineResponse {
    Tick ready{}; ///< when the line arrives
    HitLevel level = HitLevel::Memory;
    bool exclusive = false; ///< nobody else holds it: a later store needs no further request
    bool taken = false;     ///< another private hierarchy had modified it, or lost it to this store
};

/// The shared memory system as a private hierarchy sees it: LLC, directory and what lies behind. Timed by
/// reservation: requests may come slightly out of order. Contract: never waits in SystemC time.
class SharedMemory {
public:
    virtual ~SharedMemory() = default;
    virtual LineResponse request(const LineRequest& request) = 0;
};

/// A private hierarchy as the directory sees it.
class SnoopTarget {
public:
    enum class Dirty : bool { No, Yes };
    virtual ~SnoopTarget() = default;
    /// Drops the line. Yes: it was modified and the data goes with the answer.
    virtual Dirty invalidate(PhysAddr line) = 0;
    /// Keeps the line shared. Yes: it was modified.
    virtual Dirty downgrade(PhysAddr line) = 0;
};

} // namespace pagewalk
