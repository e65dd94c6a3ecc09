#include "os/path/frame_allocator.h"

#include "base/error.h"
#include "os/path/memory_policy.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

/// Does a requester that may wait get a frame in the end, however long that takes?
bool would_wait(const AllocRequest& request) {
    constexpr GfpMask gives_up = gfp::noretry | gfp::nomemalloc | gfp::thisnode;
    return request.order == 0 && request.mask.any(gfp::direct_reclaim) && !request.mask.any(gives_up);
}

/// Kernel stacks, objects and socket buffers, which Linux charges too, are left out: the kernel keeps and
/// shares them beyond their processes.
bool is_charged(AllocationPurpose purpose) {
    switch (purpose) {
    case AllocationPurpose::Anonymous:
    case AllocationPurpose::CopyOnWrite:
    case AllocationPurpose::File:
    case AllocationPurpose::SharedMemory:
    case AllocationPurpose::PageTable:
    case AllocationPurpose::Pipe:
    case AllocationPurpose::SwapIn:
        return true;
    default:
        return false;
    }
}

/// A request that may not reclaim may come from where nothing may wait: it goes through in one piece.
class WaitsAsMaskAllows {
public:
    WaitsAsMaskAllows(Operation& op, GfpMask mask) {
        if (!mask.any(gfp::direct_reclaim)) m_atomic.emplace(op);
    }

private:
    std::optional<AtomicSection> m_atomic;
};

} // namespace

// An operation may wait, and others come between: each has a list of its own.
class FrameAllocator::LentSteps {
public:
    LentSteps(FrameAllocator& frames, const Operation& op) : m_frames(frames) {
        if (frames.m_spare_steps.empty()) frames.m_spare_steps.emplace_back();
        m_steps = std::move(frames.m_spare_steps.back());
        frames.m_spare_steps.pop_back();
        m_steps.clear();
        m_steps.record(op.path.timed());
    }
    ~LentSteps() { m_frames.m_spare_steps.push_back(std::move(m_steps)); }
    LentSteps(const LentSteps&) = delete;
    LentSteps& operator=(const LentSteps&) = delete;

    [[nodiscard]] TouchSteps& operator*() const { return m_steps; }
    [[nodiscard]] TouchSteps* operator->() const { return &m_steps; }

private:
    FrameAllocator& m_frames;
    mutable TouchSteps m_steps;
};

FrameAllocator::Scope::Scope(FrameAllocator& frames, Operation& op)
    : m_frames(frames), m_outer(frames.m_current), m_op(op) {
    frames.m_current = this;
}

FrameAllocator::Scope::Scope(FrameAllocator& frames, Operation& op, const AllocTrace& trace)
    : Scope(frames, op) {
    m_trace = &trace;
}

Operation& FrameAllocator::served() {
    PAGEWALK_INVARIANT(m_current != nullptr);
    return m_current->m_op;
}

Operation& FrameAllocator::slow_path_operation() {
    if (m_current == nullptr) {
        m_no_path.clear();
        return m_no_operation;
    }
    if (m_current->m_trace != nullptr) describe_first_pass(*m_current);
    return m_current->m_op;
}

AllocationSource FrameAllocator::source_of(const AllocTrace& trace) {
    if (trace.path == AllocPath::Failed || trace.path == AllocPath::None) return AllocationSource::Failed;
    switch (trace.served) {
    case AllocStage::FirstPass:
        break;
    case AllocStage::MinWatermark:
        return AllocationSource::MinWatermark;
    case AllocStage::Reserves:
        return AllocationSource::Reserve;
    case AllocStage::DirectCompact:
        return AllocationSource::DirectCompaction;
    case AllocStage::DirectReclaim:
        return AllocationSource::DirectReclaim;
    case AllocStage::OutOfMemory:
        return AllocationSource::OutOfMemory;
    }
    if (trace.fallbacks != 0) return AllocationSource::FallbackSteal;
    switch (trace.path) {
    case AllocPath::PcpHit:
        return AllocationSource::PcpHit;
    case AllocPath::PcpRefill:
        return AllocationSource::PcpRefill;
    case AllocPath::HighAtomic:
        return AllocationSource::HighAtomic;
    default:
        return AllocationSource::Buddy;
    }
}

std::expected<Pfn, AllocError> FrameAllocator::allocate(Operation& op, const Request& request) {
    auto frame = allocate_uncharged(op, request);
    if (!frame || op.cgroup == nullptr || !is_charged(request.purpose)) return frame;
    if (m_cgroups.charge(op, *frame, request.order, request.mask)) return frame;
    free(op, *frame, request.order);
    ++m_counters.failed_allocations;
    return std::unexpected(AllocError::NoMemory);
}

std::expected<Pfn, AllocError> FrameAllocator::allocate_uncharged(Operation& op, const Request& request) {
    if (m_gate != nullptr) {
        if (const auto frame = m_gate->serve(asked(op, request), request.purpose)) {
            const Zone& zone = *m_allocator.zone_of(*frame);
            hand_out(op, request, zone, *frame);
            record(op, request, zone, *frame, AllocationSource::Buddy, op.path.mark());
            return *frame;
        }
    }
    const FunctionScope call = in(op, TracedFunction::AllocPages);
    const LentSteps steps(*this, op);
    AllocTrace trace(*steps);
    const std::uint32_t begin = op.path.mark();
    Scope scope(*this, op, trace);
    const WaitsAsMaskAllows waits(op, request.mask);
    const AllocRequest asked_for = asked(op, request);
    auto frame = m_allocator.allocate(asked_for, &trace);
    if (!frame && !op.runs && would_wait(asked_for)) {
        // What is being written would be memory soon, but this operation cannot wait.
        AllocRequest last_resort = asked_for;
        last_resort.mask = last_resort.mask | gfp::memalloc;
        frame = m_allocator.allocate(last_resort, &trace);
    }
    const Zone& zone = *m_allocator.zones()[trace.zone];
    const AllocationSource source = frame ? source_of(trace) : AllocationSource::Failed;
    describe(scope, request, zone, frame.value_or(no_pfn));
    if (frame)
        hand_out(op, request, zone, *frame);
    else
        ++m_counters.failed_allocations;
    if (frame && m_gate != nullptr) m_gate->note_served(*frame);
    record(op, request, zone, frame.value_or(no_pfn), source, begin);
    return frame;
}

AllocRequest FrameAllocator::asked(const Operation& op, const Request& request) const {
    MemoryPolicy::Placement place{request.node.value_or(m_allocator.cpus()[op.cpu]), nullptr};
    if (op.policy != nullptr && !request.node) place = op.policy->place(place.preferred, request.index);
    return {.mask = request.mask,
            .order = request.order,
            .cpu = op.cpu,
            .preferred = place.preferred,
            .nodes = place.nodes};
}

void FrameAllocator::hand_out(Operation& op, const Request& request, const Zone& zone, Pfn frame) {
    const std::uint64_t frames = 1ULL << request.order;
    m_counters.pgalloc[pagewalk::os::index_of(zone.type)] += frames;
    m_counters.frames_for[static_cast<std::size_t>(request.purpose)] += frames;
    PageDescriptor& page = pages().at(frame);
    page.refcount = 1;
    page.mapcount = 0;
    page.owner_flags = 0;
    if (m_init == InitOnAlloc::On || request.mask.any(gfp::zero)) op.path.clear_pages(frame, request.order);
}

void FrameAllocator::record(Operation& op, const Request& request, const Zone& zone, Pfn frame,
                            AllocationSource source, std::uint32_t begin) {
    const AllocationEvent event{.pfn = frame.value(),
                                .task = static_cast<std::uint32_t>(op.task),
                                .gfp = request.mask.bits(),
                                .cpu = static_cast<std::uint16_t>(op.cpu),
                                .node = static_cast<std::uint16_t>(zone.node),
                                .zone = zone.type,
                                .order = static_cast<std::uint8_t>(request.order),
                                .migratetype = migratetype_of(request.mask),
                                .purpose = request.purpose,
                                .source = source};
    op.log.allocations.push_back({event, begin, op.path.mark()});
}

std::size_t FrameAllocator::allocate_bulk(Operation& op, const Request& request, std::span<Pfn> frames) {
    if (m_gate != nullptr) {
        const auto frame = allocate(op, request);
        if (frame) frames.front() = *frame;
        return frame ? 1 : 0;
    }
    const LentSteps steps(*this, op);
    AllocTrace trace(*steps);
    std::uint32_t begin = op.path.mark();
    Scope scope(*this, op, trace);
    const WaitsAsMaskAllows waits(op, request.mask);
    const std::size_t got = m_allocator.allocate_bulk(asked(op, request), frames, &trace);
    if (got == 0) {
        ++m_counters.failed_allocations;
        return 0;
    }
    const Zone& zone = *m_allocator.zones()[trace.zone];
    op.path.call(KernelFunction::AllocPagesBulk);
    describe(scope, request, zone, frames.front());
    const AllocationSource source = source_of(trace);
    for (const Pfn frame : frames.first(got)) {
        op.path.call(KernelFunction::AllocPagesBulkPage);
        op.path.store_page(frame);
        hand_out(op, request, zone, frame);
        record(op, request, zone, frame, source, begin);
        begin = op.path.mark();
    }
    return got;
}

void FrameAllocator::split(Pfn frame, unsigned order) {
    m_allocator.split(frame, order);
    for (std::uint64_t i = 0; i < 1ULL << order; ++i) pages().at(frame + i).refcount = 1;
}

void FrameAllocator::describe_first_pass(Scope& scope) {
    if (scope.m_first_pass_described) return;
    scope.m_first_pass_described = true;
    KernelPathBuilder& path = scope.m_op.path;
    path.call(KernelFunction::AllocPagesCore);
    if (!scope.m_trace->entered(SlowStage::Entered)) return;
    path.call(KernelFunction::SkipZone, scope.m_trace->zones_visited);
    scope.m_zones_described = scope.m_trace->zones_visited;
    path.call(KernelFunction::AllocSlowPath);
}

void FrameAllocator::describe(Scope& scope, const Request& request, const Zone& zone, Pfn frame) {
    Operation& op = scope.m_op;
    const AllocTrace& trace = *scope.m_trace;
    KernelPathBuilder& path = op.path;
    if (!path.timed()) return;
    describe_first_pass(scope);
    path.load(m_addresses.zone(zone));
    const std::uint32_t visited = trace.zones_visited - scope.m_zones_described;
    if (visited > 1) path.call(KernelFunction::SkipZone, visited - 1U);
    if (trace.entered(SlowStage::DrainAll))
        path.call(KernelFunction::DrainAllPages, static_cast<std::uint32_t>(m_allocator.cpus().size()));
    const FunctionScope call = in(op, TracedFunction::GetPageFromFreelist);
    if (trace.path != AllocPath::Captured) path.call(KernelFunction::GetPageFromFreelist);
    const bool on_pcp = trace.path == AllocPath::PcpHit || trace.path == AllocPath::PcpRefill;
    if (on_pcp) {
        path.store(m_addresses.pcp(op.cpu, zone));
        const std::size_t list = PerCpuPages::list_index(request.order, migratetype_of(request.mask));
        path.store(m_addresses.pcp_list(op.cpu, zone, list));
    }
    const bool in_buddy = trace.path == AllocPath::PcpRefill || trace.path == AllocPath::Buddy ||
                          trace.path == AllocPath::HighAtomic;
    if (in_buddy || trace.blocks_drained != 0) {
        const FunctionScope rmqueue = in(op, TracedFunction::Rmqueue);
        path.acquire(m_addresses.zone_lock(zone));
        if (trace.path == AllocPath::PcpRefill) path.call(KernelFunction::RmqueueBulk);
        if (trace.path == AllocPath::Buddy || trace.path == AllocPath::HighAtomic) {
            path.call(KernelFunction::RmqueueBuddy);
            path.call(KernelFunction::ExpandLevel, trace.split_levels);
        }
        m_writer.append(op, *trace.steps);
        path.call(KernelFunction::RmqueueBulkBlock, trace.blocks_refilled);
        if (trace.path == AllocPath::PcpRefill) check_refilled(op, request, trace, zone, frame);
        if (trace.fallbacks != 0) describe_fallback(op, request, trace, zone);
        path.call(KernelFunction::FreePcppagesBulk, trace.blocks_drained);
        path.release(m_addresses.zone_lock(zone));
    }
    if (frame == no_pfn) return;
    if (request.order != 0 && (trace.path == AllocPath::Buddy || trace.path == AllocPath::HighAtomic))
        read_tails(op, frame, request.order);
    path.store_page(frame);
}

// Their lines follow one another and no read waits for the one before: they are assumed to be there in time.
void FrameAllocator::read_tails(Operation& op, Pfn block, unsigned order) {
    op.path.load(kernel_layout::struct_page(block + 1));
    op.path.call(KernelFunction::CheckNewTail, (1U << order) - 1);
}

void FrameAllocator::write_tails(Operation& op, Pfn block, unsigned order) {
    for (std::uint64_t i = 1; i < 1ULL << order; ++i) {
        op.path.call(KernelFunction::FreeTail);
        op.path.store_page(block + i);
    }
}

// check_pcp_refill: the block that was asked for and those that are now on the CPU's list, under the zone
// lock.
void FrameAllocator::check_refilled(Operation& op, const Request& request, const AllocTrace& trace,
                                    const Zone& zone, Pfn frame) {
    if (request.order == 0 || frame == no_pfn) return;
    read_tails(op, frame, request.order);
    const std::size_t list = PerCpuPages::list_index(request.order, migratetype_of(request.mask));
    std::uint32_t other = zone.pcp[op.cpu].lists[list].first();
    for (std::uint32_t i = 1; i < trace.blocks_refilled && other != FrameList::none; ++i) {
        read_tails(op, Pfn(other), request.order);
        other = pages().peek(Pfn(other)).next;
    }
}

void FrameAllocator::describe_fallback(Operation& op, const Request& request, const AllocTrace& trace,
                                       const Zone& zone) {
    KernelPathBuilder& path = op.path;
    // The request's own lists are found empty from its order upwards, then all lists from the largest order
    // down.
    for (unsigned order = request.order; order < max_order; ++order)
        path.load(zone.free_list(order, migratetype_of(request.mask)));
    path.call(KernelFunction::FallbackScan, trace.fallbacks);
    path.call(KernelFunction::StealFallback, trace.fallbacks);
    path.load(m_addresses.pageblock_bits(zone, trace.scan_begin));
    for (std::uint32_t i = 0; i < trace.frames_scanned && i < max_order_pages; ++i)
        path.load(kernel_layout::struct_page(Pfn(trace.scan_begin + i)));
    path.call(KernelFunction::MoveFreepages, trace.frames_scanned);
    if (trace.pageblocks_claimed != 0) path.store(m_addresses.pageblock_bits(zone, trace.scan_begin));
}

void FrameAllocator::describe_drain(Operation& op, const AllocTrace& trace, const Zone& zone) {
    KernelPathBuilder& path = op.path;
    path.acquire(m_addresses.zone_lock(zone));
    path.call(KernelFunction::FreePcppagesBulk, trace.blocks_drained);
    if (trace.blocks_drained == 0) {
        path.call(KernelFunction::FreePagesOk);
        path.call(KernelFunction::FreeOnePage);
        path.call(KernelFunction::MergeLevel, trace.merge_levels);
    }
    m_writer.append(op, *trace.steps);
    path.release(m_addresses.zone_lock(zone));
}

void FrameAllocator::describe_free(Operation& op, const AllocTrace& trace) {
    if (!op.path.timed()) return;
    const Zone& zone = *m_allocator.zones()[trace.zone];
    if (trace.pcp_lock_acquisitions != 0) op.path.store(m_addresses.pcp(op.cpu, zone));
    if (trace.zone_lock_acquisitions != 0) describe_drain(op, trace, zone);
}

void FrameAllocator::forget(Pfn frame, unsigned order) {
    PageDescriptor& page = pages().at(frame);
    if (page.is(PageState::Lru)) m_lru.remove(frame);
    m_cgroups.uncharge(frame, order);
    page.owner_flags = 0;
    page.refcount = 0;
}

void FrameAllocator::free(Operation& op, Pfn frame, unsigned order) {
    const LentSteps steps(*this, op);
    AllocTrace trace(*steps);
    // Slabs are compound: what a tail knows of its head is taken back.
    const bool compound = order != 0 && (pages().peek(frame).owner_flags & frame_flags::kernel) != 0;
    forget(frame, order);
    if (m_gate != nullptr && m_gate->take_back(frame, order)) return;
    const auto freed = m_allocator.free(frame, order, op.cpu, &trace);
    PAGEWALK_INVARIANT(freed.has_value());
    m_counters.pgfree += 1ULL << order;
    if (!op.path.timed()) return;
    op.path.call(KernelFunction::FreePages);
    if (compound) write_tails(op, frame, order);
    if (trace.pcp_lock_acquisitions != 0) op.path.call(KernelFunction::FreeUnrefPage);
    op.path.store_page(frame);
    if (trace.pcp_lock_acquisitions != 0) {
        const PageDescriptor& page = pages().peek(frame);
        auto type = static_cast<Migratetype>(page.type);
        if (!is_mergeable(type)) type = Migratetype::Movable;
        op.path.store(m_addresses.pcp_list(op.cpu, *m_allocator.zones()[trace.zone],
                                           PerCpuPages::list_index(order, type)));
    }
    describe_free(op, trace);
}

void FrameAllocator::free_batch(Operation& op, std::span<const Pfn> frames) {
    if (m_gate != nullptr) { // other work may come between any two of them
        for (const Pfn frame : frames) free(op, frame, 0);
        return;
    }
    constexpr std::size_t swap_cluster = 32; // frames under one hold of the per-CPU lock: SWAP_CLUSTER_MAX
    const LentSteps steps(*this, op);
    for (std::size_t at = 0; at < frames.size(); at += swap_cluster) {
        const auto part = frames.subspan(at, std::min(swap_cluster, frames.size() - at));
        for (const Pfn frame : part) forget(frame, 0);
        steps->clear();
        AllocTrace trace(*steps);
        const std::size_t refused = m_allocator.free_list(part, op.cpu, &trace);
        PAGEWALK_INVARIANT(refused == 0);
        m_counters.pgfree += part.size();
        if (!op.path.timed()) continue;
        op.path.call(KernelFunction::FreeUnrefPage, static_cast<std::uint32_t>(part.size()));
        for (const Pfn frame : part) op.path.store_page(frame);
        describe_free(op, trace);
    }
}

} // namespace pagewalk::os
