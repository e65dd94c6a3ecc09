#pragma once

#include "base/address.h"

#include <cstdint>
#include <memory>

namespace pagewalk::os {

class FrameAllocator;

/// What is known of a page that reclaim looks at.
struct PageUse {
    unsigned entries = 0;    ///< page-table entries through which it has been accessed since the last look
    bool referenced = false; ///< its flag: a system call has used it, or the policy has set it before
    bool executable = false; ///< an accessed entry belongs to program text
    bool file = false;       ///< of the file lists

    [[nodiscard]] bool used() const { return entries != 0 || referenced; }
};

/// Which pages go first: what becomes of those at the old ends of the lists. Contract: calls never wait and
/// depend on nothing but their arguments and earlier calls.
class ReclaimPolicy {
public:
    enum class Fate : std::uint8_t {
        Reclaim,
        ReclaimClean, ///< unless it would have to be written
        Keep,         ///< goes round its list once more
        Activate,     ///< goes to the active list
    };
    struct Verdict {
        Fate fate = Fate::Reclaim;
        bool referenced = false; ///< the page's flag from now on
    };
    virtual ~ReclaimPolicy() = default;
    /// Of a page at the end of an inactive list.
    [[nodiscard]] virtual Verdict judge(Pfn frame, const PageUse& use) = 0;
    /// Does a page at the end of an active list go round once more? Otherwise it becomes inactive.
    [[nodiscard]] virtual bool stays_active(Pfn frame, const PageUse& use) = 0;
    /// Are there too few inactive pages for the active ones?
    [[nodiscard]] virtual bool inactive_is_low(std::uint64_t inactive, std::uint64_t active) const = 0;
};

/// Mglru is Linux's multi-generational LRU, which has lists of its own (os/reclaim/multi_gen_lru.h); what
/// becomes of a page that it has taken off them is the LRU policy's.
enum class ReclaimPolicyKind : std::uint8_t { Lru, Mglru, Clock, Lfu, S3Fifo };

[[nodiscard]] std::unique_ptr<ReclaimPolicy> make_reclaim_policy(ReclaimPolicyKind kind,
                                                                 FrameAllocator& frames);

} // namespace pagewalk::os
