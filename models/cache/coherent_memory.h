#pragma once

#include "contract/memory_access.h"

namespace pagewalk::models {

/// Whether a private hierarchy that drops a line from L2 keeps it in L1.
enum class Retained : bool { No, Yes };

/// The shared memory system as the private caches of a core see it: besides asking for lines they say what
/// they drop, so that the directory is exact and a victim LLC gets its lines.
class CoherentMemory : public SharedMemory {
public:
    /// `line` left L2 (or left L1 without being in L2). Posted.
    virtual void evict(const LineRequest& line, SnoopTarget::Dirty dirty, Retained retained) = 0;
    /// Whether evict() must be called for clean lines too.
    [[nodiscard]] virtual bool wants_clean_victims() const = 0;
    /// Tells of the private caches that requests of `cpu` come from. Before any request.
    virtual void attach(CpuId cpu, SnoopTarget& target) = 0;
};

} // namespace pagewalk::models
