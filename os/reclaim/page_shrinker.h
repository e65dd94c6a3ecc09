#pragma once

#include "os/path/frame_allocator.h"
#include "os/reclaim/page_users.h"
#include "os/reclaim/policy/reclaim_policy.h"
#include "os/reclaim/scan_control.h"
#include "os/reclaim/swap.h"
#include "os/reclaim/workingset.h"

#include <span>
#include <vector>

namespace pagewalk::os {

/// Decides about pages that are off their lists and frees those that can go (shrink_folio_list): what has
/// been used lately stays as the policy says, a clean page goes, a dirty anonymous one is written to swap and
/// goes when it comes round again. Dirty file pages are the flusher's: they stay until they are clean.
class PageShrinker {
public:
    struct Parts {
        FrameAllocator& frames;
        KernelCounters& counters;
        PageUsers& users;
        Swap& swap;
        Workingset& workingset;
        ReclaimPolicy& policy;
    };
    explicit PageShrinker(const Parts& parts) : m_parts(parts) {}

    /// Frees what it can of `pages` and puts the others back on their lists, or appends them to `kept` where
    /// that is not null. Never waits. Returns how many have been freed.
    std::uint64_t shrink(Operation& op, NodeId node, std::span<const Pfn> pages, ScanControl& control,
                         std::vector<Pfn>* kept = nullptr);
    /// move_folios_to_lru of one page.
    void put_back(Pfn frame);
    /// Is told of what is accessed around pages that have been; null: nobody is.
    void look_around_for(YoungPages* around) { m_around = around; }

private:
    enum class Fate : std::uint8_t { Keep, Activate, Free, Split };
    using Judged = ReclaimPolicy::Fate;

    [[nodiscard]] Fate decide(Operation& op, NodeId node, Pfn frame, ScanControl& control);
    [[nodiscard]] Fate being_written(NodeId node, PageDescriptor& page, ScanControl& control);
    [[nodiscard]] Fate write_back(Operation& op, NodeId node, Pfn frame, Judged judged, ScanControl& control);
    [[nodiscard]] Fate split(Operation& op, Pfn frame);
    [[nodiscard]] Fate release(Operation& op, Pfn frame, const ScanControl& control);
    [[nodiscard]] Judged judge(Operation& op, Pfn frame);
    void activate(Pfn frame);

    Parts m_parts;
    YoungPages* m_around = nullptr;
    std::vector<Pfn> m_freed;
};

} // namespace pagewalk::os
