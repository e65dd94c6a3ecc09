#include "os/page/page_allocator.h"
#include "os/page/watermark.h"

namespace pagewalk::os {
namespace {

constexpr int max_reclaim_retries = 16;
constexpr int max_compact_retries = 16;

bool may_compact(GfpMask mask) { return mask.any(gfp::io); }

} // namespace

ReclaimRequest PageAllocator::reclaim_request(const Context& context) {
    return {context.mask, context.order, context.cpu, context.preferred_node, context.highest, context.nodes};
}

AllocFlags PageAllocator::slow_path_flags(const Context& context) const {
    AllocFlags flags = alloc::wmark_min | alloc::cpuset;
    flags = flags | AllocFlags(context.mask.bits() & (alloc::min_reserve | alloc::kswapd).bits());
    if (!context.mask.any(gfp::direct_reclaim)) {
        if (!context.mask.any(gfp::nomemalloc)) {
            flags = flags | alloc::non_block;
            if (context.order > 0 && flags.any(alloc::min_reserve)) flags = flags | alloc::highatomic;
        }
        // Better outside the cpuset than not at all.
        if (flags.any(alloc::min_reserve)) flags = flags.without(alloc::cpuset);
    } else if (has(context.context, TaskContext::Realtime) &&
               !has(context.context, TaskContext::Interrupt | TaskContext::SoftIrq)) {
        flags = flags | alloc::min_reserve;
    }
    if (context.type == Migratetype::Movable) flags = flags | alloc::cma;
    return flags;
}

AllocFlags PageAllocator::reserve_flags(const Context& context) const {
    if (context.mask.any(gfp::nomemalloc)) return {};
    if (context.mask.any(gfp::memalloc)) return alloc::no_watermarks;
    if (has(context.context, TaskContext::SoftIrq) && has(context.context, TaskContext::Memalloc))
        return alloc::no_watermarks;
    if (has(context.context, TaskContext::Interrupt | TaskContext::SoftIrq)) return {};
    if (has(context.context, TaskContext::Memalloc)) return alloc::no_watermarks;
    return has(context.context, TaskContext::OomVictim) ? alloc::oom : AllocFlags{};
}

void PageAllocator::wake_all_kswapds(const Context& context) {
    if (context.trace) context.trace->enter(SlowStage::WakeKswapd);
    const Zone* last = nullptr;
    for (Zone* zone : *context.zones) {
        if (zone->type > context.highest || (context.nodes && !context.nodes->contains(zone->node))) continue;
        if (zone->managed == 0) continue;
        if (!last || last->node != zone->node)
            m_reclaimer->wake_kswapd(*zone, context.order, context.mask, context.highest);
        last = zone;
    }
}

bool PageAllocator::unreserve_highatomic(Context& context, bool force) {
    for (Zone* zone : *context.zones) {
        if (zone->type > context.highest || (context.nodes && !context.nodes->contains(zone->node))) continue;
        if (m_buddy.unreserve_highatomic(*zone, context.type, force, context.trace)) return true;
    }
    return false;
}

std::uint32_t PageAllocator::direct_compact(Context& context, AllocFlags flags, CompactPriority priority,
                                            CompactResult& result) {
    if (context.order == 0) return Buddy::none;
    if (context.trace) context.trace->enter(SlowStage::DirectCompact);
    const Compactor::Outcome outcome = m_compactor->compact(reclaim_request(context), flags, priority);
    context.cpu = m_reclaimer->requester_cpu(context.cpu);
    result = outcome.result;
    if (result == CompactResult::Skipped) return Buddy::none;
    std::uint32_t frame = outcome.captured;
    if (frame != Buddy::none) {
        prepare_new(frame, context.order, context.mask);
        Zone& zone = *zone_of(Pfn(frame));
        zone.counters.allocated += 1ULL << context.order;
        if (context.trace) {
            context.trace->path = AllocPath::Captured;
            context.trace->zone = zone.index;
        }
    } else {
        frame = take_from_zones(context, flags);
    }
    if (frame != Buddy::none) {
        Zone& zone = *zone_of(Pfn(frame));
        zone.compaction.flush_skip_bits = false;
        m_compactor->defer_reset(zone, context.order);
    }
    return frame;
}

std::uint32_t PageAllocator::direct_reclaim(Context& context, AllocFlags flags, std::uint64_t& progress) {
    if (context.trace) context.trace->enter(SlowStage::DirectReclaim);
    progress = m_reclaimer->direct_reclaim(reclaim_request(context));
    context.cpu = m_reclaimer->requester_cpu(context.cpu);
    if (progress == 0) return Buddy::none;
    std::uint32_t frame = take_from_zones(context, flags);
    if (frame != Buddy::none) return frame;
    // What was freed may sit on per-CPU lists or in the reserve.
    unreserve_highatomic(context, false);
    if (context.trace) context.trace->enter(SlowStage::DrainAll);
    drain_all(context.cpu, nullptr, context.trace);
    return take_from_zones(context, flags);
}

bool PageAllocator::retry_reclaim(Context& context, AllocFlags flags, bool progress, int& loops) {
    if (progress && context.order <= costly_order)
        loops = 0;
    else
        ++loops;
    if (loops <= max_reclaim_retries) {
        for (const Zone* zone : *context.zones) {
            if (zone->type > context.highest || (context.nodes && !context.nodes->contains(zone->node)))
                continue;
            const auto available =
                static_cast<std::int64_t>(m_reclaimer->reclaimable_pages(*zone)) + zone->exact_free_pages();
            if (watermark_ok(*zone, context.order, zone->watermark(Watermark::Min), context.highest, flags,
                             available))
                return true;
        }
    }
    return unreserve_highatomic(context, true);
}

bool PageAllocator::retry_compact(const Context& context, AllocFlags flags, CompactResult result,
                                  CompactPriority& priority, int& retries) const {
    if (context.order == 0) return false;
    if (result == CompactResult::Success) ++retries;
    const bool failed = result == CompactResult::Complete;
    if (!failed) {
        if (result == CompactResult::Skipped)
            return m_compactor->could_run_after_reclaim(reclaim_request(context), flags);
        const bool withdrawn = result == CompactResult::Deferred || result == CompactResult::Contended ||
                               result == CompactResult::PartialSkipped;
        if (!withdrawn &&
            retries <= (context.order > costly_order ? max_compact_retries / 4 : max_compact_retries))
            return true;
    }
    const CompactPriority best =
        context.order > costly_order ? CompactPriority::SyncLight : CompactPriority::SyncFull;
    if (priority <= best) return false;
    priority = static_cast<CompactPriority>(static_cast<std::uint8_t>(priority) - 1);
    retries = 0;
    return true;
}

std::uint32_t PageAllocator::take_ignoring_cpuset(Context& context, AllocFlags flags) {
    const std::uint32_t frame = take_from_zones(context, flags | alloc::cpuset);
    return frame != Buddy::none ? frame : take_from_zones(context, flags);
}

std::uint32_t PageAllocator::may_oom(Context& context, bool& progress) {
    progress = false;
    // A kill in parallel may have freed memory; a high mark, so that pressure alone does not pass.
    const GfpMask mask = context.mask;
    context.mask = (mask | gfp::hardwall).without(gfp::direct_reclaim);
    const std::uint32_t frame = take_from_zones(context, alloc::wmark_high | alloc::cpuset);
    context.mask = mask;
    if (frame != Buddy::none) return frame;
    if (context.order > costly_order) return Buddy::none;
    if (mask.any(gfp::retry_mayfail | gfp::thisnode)) return Buddy::none;
    if (context.highest < ZoneType::Normal) return Buddy::none;
    if (context.trace) context.trace->enter(SlowStage::OutOfMemory);
    const OomOutcome outcome = m_reclaimer->out_of_memory(reclaim_request(context));
    context.cpu = m_reclaimer->requester_cpu(context.cpu);
    if (outcome == OomOutcome::RequesterKilled) context.context = context.context | TaskContext::OomVictim;
    if (outcome != OomOutcome::NoVictim || mask.any(gfp::nofail)) {
        progress = true;
        if (mask.any(gfp::nofail)) return take_ignoring_cpuset(context, alloc::no_watermarks);
    }
    return Buddy::none;
}

std::expected<std::uint32_t, AllocError> PageAllocator::slow_path(Context& context) {
    // Rounds that a request which may not fail is given without any progress before it is called a livelock.
    constexpr int livelock_rounds = 64;
    const bool costly = context.order > costly_order;
    if (context.mask.all(gfp::atomic_bit | gfp::direct_reclaim))
        context.mask = context.mask.without(gfp::atomic_bit);
    const bool can_reclaim = context.mask.any(gfp::direct_reclaim);
    const bool can_compact = may_compact(context.mask);

    CompactResult compact_result = CompactResult::Skipped;
    CompactPriority priority = CompactPriority::SyncLight;
    int compact_retries = 0;
    int no_progress_loops = 0;
    int fruitless = 0;

    const auto serve = [&context](AllocStage stage) {
        if (context.trace) context.trace->served = stage;
    };
    if (context.trace) context.trace->enter(SlowStage::Entered);
    AllocFlags flags = slow_path_flags(context);
    set_first_zone(context);
    if (!context.preferred) return std::unexpected(AllocError::NoMemory);
    if (flags.any(alloc::kswapd)) wake_all_kswapds(context);

    serve(AllocStage::MinWatermark);
    std::uint32_t frame = take_from_zones(context, flags);
    if (frame != Buddy::none) return frame;

    if (can_reclaim && can_compact &&
        (costly || (context.order > 0 && context.type != Migratetype::Movable)) &&
        reserve_flags(context) == AllocFlags{}) {
        serve(AllocStage::DirectCompact);
        frame = direct_compact(context, flags, CompactPriority::Async, compact_result);
        if (frame != Buddy::none) return frame;
        if (costly && context.mask.any(gfp::noretry)) {
            if (compact_result == CompactResult::Skipped || compact_result == CompactResult::Deferred ||
                context.mask.any(gfp::thisnode))
                return std::unexpected(AllocError::NoMemory);
            priority = CompactPriority::Async;
        }
    }

    for (;;) {
        if (flags.any(alloc::kswapd)) wake_all_kswapds(context);
        const AllocFlags reserves = reserve_flags(context);
        if (reserves != AllocFlags{}) {
            if (context.trace) context.trace->enter(SlowStage::Reserves);
            serve(AllocStage::Reserves);
            flags = reserves | (flags & alloc::kswapd);
            if (context.type == Migratetype::Movable) flags = flags | alloc::cma;
        }
        if (!flags.any(alloc::cpuset) || reserves != AllocFlags{}) {
            context.nodes = nullptr;
            set_first_zone(context);
        }
        frame = take_from_zones(context, flags);
        if (frame != Buddy::none) return frame;

        bool give_up = !can_reclaim || has(context.context, TaskContext::Memalloc);
        if (!give_up) {
            std::uint64_t reclaimed = 0;
            serve(AllocStage::DirectReclaim);
            frame = direct_reclaim(context, flags, reclaimed);
            if (frame != Buddy::none) return frame;
            serve(AllocStage::DirectCompact);
            frame = direct_compact(context, flags, priority, compact_result);
            if (frame != Buddy::none) return frame;
            give_up = context.mask.any(gfp::noretry) ||
                      (costly && (!can_compact || !context.mask.any(gfp::retry_mayfail)));
            if (!give_up) {
                if (context.trace) context.trace->enter(SlowStage::Retry);
                if (retry_reclaim(context, flags, reclaimed > 0, no_progress_loops)) continue;
                if (reclaimed > 0 && can_compact &&
                    retry_compact(context, flags, compact_result, priority, compact_retries))
                    continue;
                bool killed = false;
                serve(AllocStage::OutOfMemory);
                frame = may_oom(context, killed);
                if (frame != Buddy::none) return frame;
                const bool victim = has(context.context, TaskContext::OomVictim) &&
                                    (flags.any(alloc::oom) || context.mask.any(gfp::nomemalloc));
                if (killed && !victim && fruitless++ < livelock_rounds) {
                    no_progress_loops = 0;
                    continue;
                }
            }
        }
        if (!context.mask.any(gfp::nofail) || !can_reclaim) return std::unexpected(AllocError::NoMemory);
        serve(AllocStage::Reserves);
        frame = take_ignoring_cpuset(context, alloc::min_reserve);
        if (frame != Buddy::none) return frame;
        if (fruitless++ >= livelock_rounds) return std::unexpected(AllocError::Livelock);
    }
}

} // namespace pagewalk::os
