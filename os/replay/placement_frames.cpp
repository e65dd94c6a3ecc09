#include "os/replay/placement_frames.h"

#include "base/error.h"

#include <algorithm>
#include <cstdio>

namespace pagewalk::os {
namespace {

using Kind = PlacementOp::Kind;
using Owner = PlacementOp::Owner;

// Kernel text from 16 MiB on, 14 MiB of it: never given to anybody.
constexpr Pfn tables_begin{0x1000};
constexpr Pfn pool_begin{0x1100}, pool_end{0x1e00};
constexpr CpuId only_cpu{0};

bool in_pool(Pfn frame) { return frame >= pool_begin && frame < pool_end; }

std::string hex(Pfn frame) {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%llx", static_cast<unsigned long long>(frame.value()));
    return text.data();
}

/// Is it one that the simulated kernel makes itself?
bool is_own(const PlacementOp& op) {
    if (op.owner == Owner::Program) return true;
    return op.owner == Owner::Kernel && (op.what == "gather" || op.what == "buffer");
}

bool is_own(const AllocRequest& request, AllocationPurpose purpose) {
    constexpr GfpMask gather = gfp::nowait | gfp::nowarn;
    switch (purpose) {
    case AllocationPurpose::Anonymous:
    case AllocationPurpose::CopyOnWrite:
    case AllocationPurpose::PageTable:
    case AllocationPurpose::File:
    case AllocationPurpose::SharedMemory:
        return true;
    default:
        return request.mask == gather || request.mask == gfp::user;
    }
}

bool is_free(const PlacementOp& op) { return op.kind == Kind::FreeToList || op.kind == Kind::FreeToBuddy; }

} // namespace

PlacementFrames::PlacementFrames(PageSnapshot before, PlacementTrace trace)
    : m_before(std::move(before)), m_trace(std::move(trace)), m_pool_next(pool_begin) {}

std::unique_ptr<PageAllocator> PlacementFrames::take_allocator(BootLayout& layout) {
    std::unique_ptr<PageAllocator> allocator = m_before.build();
    m_allocator = allocator.get();
    PhysRange& tables = layout.table_frames.front();
    const std::uint64_t bytes = tables.end - tables.begin;
    if (bytes > (pool_begin - tables_begin - 1) * page_size)
        throw InputError("the captured machine is too large: its kernel's tables find no place");
    layout.addresses.zero_page = tables_begin;
    tables = {address_of(tables_begin + 1), address_of(tables_begin + 1) + bytes};
    return allocator;
}

Pfn PlacementFrames::take_from_pool(unsigned order) {
    std::vector<Pfn>& free = m_pool[order];
    if (!free.empty()) {
        const Pfn frame = free.back();
        free.pop_back();
        return frame;
    }
    const std::uint64_t frames = 1ULL << order;
    const Pfn frame((m_pool_next.value() + frames - 1) & ~(frames - 1));
    m_pool_next = frame + frames;
    if (m_pool_next > pool_end)
        throw RunError("the replayed kernel needs more memory for its objects than is set aside");
    return frame;
}

/// Does again what others did before the program's next operation, which it returns; null where none is left.
const PlacementOp* PlacementFrames::next_own() {
    while (m_next < m_trace.ops.size() && !is_own(m_trace.ops[m_next])) do_foreign(m_trace.ops[m_next++]);
    return m_next < m_trace.ops.size() ? &m_trace.ops[m_next] : nullptr;
}

std::optional<Pfn> PlacementFrames::serve(const AllocRequest& request, AllocationPurpose purpose) {
    if (!m_counts || !is_own(request, purpose)) return take_from_pool(request.order);
    m_expected = next_own();
    if (m_expected != nullptr) ++m_next;
    ++m_own;
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "a block of order %u, gfp %x", request.order,
                  request.mask.bits());
    const bool same = m_expected != nullptr && m_expected->kind == Kind::Allocate &&
                      m_expected->order == request.order && m_expected->gfp == request.mask.bits();
    if (!same) differ(std::string("asks for ") + text.data(), m_expected);
    return std::nullopt;
}

void PlacementFrames::note_served(Pfn frame) {
    if (!m_counts) return;
    if (m_expected == nullptr || m_expected->frame != frame)
        differ("is given frame " + hex(frame), m_expected);
}

bool PlacementFrames::take_back(Pfn frame, unsigned order) {
    if (in_pool(frame)) {
        m_pool[order].push_back(frame);
        return true;
    }
    if (!m_counts) return false;
    if (others_free(frame)) return true; // the top-level table, with the process's reaping
    const PlacementOp* const expected = next_own();
    const bool same = expected != nullptr && is_free(*expected) && expected->frame == frame;
    ++m_own;
    if (expected != nullptr) ++m_next;
    if (!same) differ("gives back frame " + hex(frame), expected);
    adopt(frame);
    return false;
}

/// Is the next thing that happens to the block that others free it?
bool PlacementFrames::others_free(Pfn frame) const {
    for (std::size_t i = m_next; i < m_trace.ops.size(); ++i)
        if (m_trace.ops[i].frame == frame) return is_free(m_trace.ops[i]) && !is_own(m_trace.ops[i]);
    return false;
}

/// Blocks that were in use when the snapshot was taken are not known as allocated.
void PlacementFrames::adopt(Pfn frame) {
    PageDescriptor& page = m_allocator->pages().at(frame);
    if (page.is(PageState::Buddy) || page.is(PageState::OnPcp)) return;
    page.clear(PageState::Reserved);
    page.clear(PageState::Absent);
    if (page.is(PageState::Allocated)) return;
    page.set(PageState::Allocated);
    page.set(PageState::OrderUnknown);
}

Zone& PlacementFrames::zone_of(const PlacementOp& op) {
    for (std::size_t i = 0; i < m_before.zones.size(); ++i)
        if (index_of(m_before.zones[i].node) == op.node && m_before.zones[i].kernel_index == op.zone)
            return *m_allocator->zones()[i];
    throw InputError("line " + std::to_string(op.line) + " of ops: there is no zone " +
                     std::to_string(op.node) + "." + std::to_string(op.zone));
}

void PlacementFrames::do_foreign(const PlacementOp& op) {
    switch (op.kind) {
    case Kind::Allocate:
    case Kind::AllocateBulk:
        return allocate_foreign(op);
    case Kind::FreeToList:
    case Kind::FreeToBuddy:
        return free_foreign(op);
    case Kind::Drain: {
        Zone& zone = zone_of(op);
        return m_allocator->drain(zone, only_cpu, zone.pcp[only_cpu].batch, 0, only_cpu);
    }
    case Kind::DrainAll:
        return m_allocator->drain_cpu(zone_of(op), only_cpu, only_cpu);
    case Kind::Fail:
    case Kind::Isolate:
    case Kind::PutBack:
        return;
    }
}

void PlacementFrames::allocate_foreign(const PlacementOp& op) {
    const GfpMask mask = op.kind == Kind::Allocate ? GfpMask(op.gfp) : gfp::kernel;
    const auto frame = m_allocator->allocate({.mask = mask, .order = op.order, .cpu = only_cpu});
    if (!frame || *frame != op.frame)
        differ("others are given " + (frame ? "frame " + hex(*frame) : std::string("nothing")), &op);
}

void PlacementFrames::free_foreign(const PlacementOp& op) {
    const PageDescriptor& page = m_allocator->pages().peek(op.frame);
    if (page.is(PageState::Buddy) || page.is(PageState::OnPcp))
        return differ("others give back a free block", &op);
    adopt(op.frame);
    const auto freed = m_allocator->free(op.frame, op.order, only_cpu);
    if (!freed) differ("others give back a block that cannot be freed", &op);
}

void PlacementFrames::finish() {
    while (const PlacementOp* const own = next_own()) {
        differ("does no more", own);
        ++m_next;
    }
}

void PlacementFrames::differ(const std::string& ours, const PlacementOp* theirs) {
    if (!m_first_difference.empty()) return;
    m_first_difference = "operation " + std::to_string(m_own) + ": the simulated kernel " + ours +
                         "; the real one: " + (theirs != nullptr ? theirs->text() : std::string("has ended"));
}

} // namespace pagewalk::os
