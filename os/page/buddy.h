#pragma once

#include "os/page/alloc_flags.h"
#include "os/page/alloc_trace.h"
#include "os/page/page_events.h"
#include "os/page/page_map.h"
#include "os/page/zone.h"

#include <cstdint>

namespace pagewalk::os {

/// A request of direct compaction to be handed the block that its own frees put together.
struct CaptureRequest {
    const Zone* zone = nullptr;
    unsigned order = 0;
    Migratetype type = Migratetype::Unmovable;
    std::uint32_t frame = FrameList::none; ///< filled when a block was captured
};

/// The free lists of all zones: split, merge, fall back, claim pageblocks. Stands for what the kernel does
/// under a zone's lock; the caller holds it. Order of every list is the kernel's. Source: behaviour of
/// Linux 6.1.192.
class Buddy {
public:
    static constexpr std::uint32_t none = FrameList::none;

    /// Where a freed block goes on its list.
    enum class Placement : std::uint8_t {
        MergeLikely, ///< at the tail when the block that it would merge into next is likely to become free
        Tail,
    };

    explicit Buddy(PageMap& pages) : m_pages(pages) {}

    /// Frees a block, merging it with its free buddies. `type` is the list's and decides what is counted.
    void free(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type, CpuId cpu,
              Placement placement, AllocTrace* trace);

    /// Takes from the smallest order that has a block of `type`, splitting it. Returns `none` when there is
    /// none. The free counter is the caller's business.
    [[nodiscard]] std::uint32_t take_smallest(Zone& zone, unsigned order, Migratetype type,
                                              AllocTrace* trace);

    /// As take_smallest, falling back to other types, claiming their pageblocks where that pays.
    [[nodiscard]] std::uint32_t take(Zone& zone, unsigned order, Migratetype type, AllocFlags flags,
                                     AllocTrace* trace);

    /// Takes a given free block off its list, as compaction's free scanner and page isolation do. Returns
    /// false when the zone would fall below its min watermark.
    [[nodiscard]] bool isolate_free(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu,
                                    AllocTrace* trace);

    /// Moves the free blocks of the frame's pageblock to the tails of `type`'s lists; `movable` counts the
    /// frames in use that could be migrated. Returns the frames moved; 0 when the pageblock crosses the
    /// zone's end.
    std::uint64_t move_pageblock(Zone& zone, std::uint32_t frame, Migratetype type, std::uint64_t* movable,
                                 AllocTrace* trace);

    /// Sets the frame's pageblock aside for high-order atomic requests, up to 1 % of the zone.
    void reserve_highatomic(Zone& zone, std::uint32_t frame, AllocTrace* trace);
    /// Gives one reserved pageblock with a free block back as `type`; `force`: even the last one. Returns
    /// success.
    [[nodiscard]] bool unreserve_highatomic(Zone& zone, Migratetype type, bool force, AllocTrace* trace);

    /// Takes a block that lies inside or is a free block (page isolation, hardware poison). Returns false
    /// when the frame is not free in the buddy system.
    bool take_out(Zone& zone, std::uint32_t frame, unsigned order, CpuId cpu);

    /// Would a request fall back on a block of `order` and claim its pageblock?
    [[nodiscard]] bool could_claim(const Zone& zone, unsigned order, Migratetype type) const {
        Fallback found{};
        return find_fallback(zone, order, type, found) && found.steal;
    }

    void set_pageblock_type(std::uint64_t frame, Migratetype type) {
        m_pages.set_pageblock_type(
            frame, m_group_by_mobility || !is_mergeable(type) ? type : Migratetype::Unmovable);
    }

    /// List primitives, also for whoever loads a snapshot.
    void add(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type, bool to_tail,
             AllocTrace* trace);
    void remove(Zone& zone, std::uint32_t frame, unsigned order, AllocTrace* trace);

    /// vm.watermark_boost_factor, in 1/10000 of the high watermark.
    void set_watermark_boost_factor(std::uint64_t factor) { m_boost_factor = factor; }
    /// False on machines too small to keep types apart.
    void set_group_by_mobility(bool on) { m_group_by_mobility = on; }
    [[nodiscard]] bool group_by_mobility() const { return m_group_by_mobility; }
    void set_events(PageEvents* events) { m_events = events; }
    void set_capture(CaptureRequest* capture) { m_capture = capture; }

private:
    struct Fallback {
        Migratetype type;
        bool steal; ///< the whole pageblock may be claimed
    };

    [[nodiscard]] bool is_free_block(std::uint64_t frame, unsigned order) const {
        const PageDescriptor& page = m_pages.peek(frame);
        return page.is(PageState::Buddy) && page.order == order;
    }
    [[nodiscard]] bool captured(const Zone& zone, std::uint32_t frame, unsigned order, Migratetype type);
    [[nodiscard]] bool fall_back(Zone& zone, unsigned order, Migratetype wanted, AllocFlags flags,
                                 AllocTrace* trace);
    [[nodiscard]] bool find_fallback(const Zone& zone, unsigned order, Migratetype wanted,
                                     Fallback& found) const;
    void steal(Zone& zone, std::uint32_t frame, unsigned order, Migratetype wanted, bool whole_block,
               AllocFlags flags, AllocTrace* trace);
    [[nodiscard]] bool boost_watermark(Zone& zone) const;
    void move_to_tail(Zone& zone, std::uint32_t frame, unsigned order, Migratetype type, AllocTrace* trace);

    PageMap& m_pages;
    PageEvents* m_events = nullptr;
    CaptureRequest* m_capture = nullptr;
    std::uint64_t m_boost_factor = 15000; // vm.watermark_boost_factor's default
    bool m_group_by_mobility = true;
};

} // namespace pagewalk::os
