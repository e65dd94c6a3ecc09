#pragma once

#include "base/stats.h"
#include "base/time.h"
#include "contract/kernel_interface.h"
#include "contract/kernel_path.h"
#include "models/mmu/page_walker.h"
#include "models/mmu/tlb.h"

#include <cstdint>
#include <optional>

namespace pagewalk::models {

/// An access that missed every TLB.
struct TlbMiss {
    TranslationContext context;
    VirtAddr address{};
    VirtAddr pc{};  ///< of the instruction; of a fetch, its target
    Cycles cycle{}; ///< when the second level's miss is known
    FaultAccess access = FaultAccess::Read;

    [[nodiscard]] PageTag tag(PageSize size) const { return {address, size, context.pcid}; }
};

/// What an MMU has beside or behind its TLBs. One a core; called past a second-level TLB's miss alone.
/// Contract: find() gives what the page tables hold, as of the last invalidation; nothing may be kept of a
/// page that invalidate() covers.
class TranslationDesign {
public:
    /// Where a translation lives that a walk (or find) has brought.
    enum class Home : std::uint8_t { SecondLevel, Design };

    virtual ~TranslationDesign() = default;
    /// The translation where the design has it, `ready` set to when it is known. Where it has not, `cycle`
    /// moves to when that is known: the walk begins then.
    [[nodiscard]] virtual std::optional<TlbEntry> find(const TlbMiss& miss, Cycles& cycle) = 0;
    /// From when on the core goes on with what a walk has found: a design that guesses says before the walk
    /// has ended, or after where its guess was wrong.
    [[nodiscard]] virtual Cycles usable(const TlbMiss&, const WalkResult& result) {
        return result.entry.ready;
    }
    /// A walk has ended, perhaps in a fault.
    virtual void walked(const TlbMiss&, const WalkResult&) {}
    /// A translation comes in, by a walk or by find().
    [[nodiscard]] virtual Home fill(const TlbMiss&, const TlbEntry&) { return Home::SecondLevel; }
    /// The second-level TLB has dropped a translation for another.
    virtual void evicted(const TaggedTlbEntry&, Cycles) {}
    virtual std::uint64_t invalidate(const TlbInvalidation& invalidation) = 0;
    /// `mmu`: of the core's MMU.
    virtual void declare(StatGroup mmu) const = 0;
};

} // namespace pagewalk::models
