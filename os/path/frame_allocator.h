#pragma once

#include "base/error.h"
#include "base/ids.h"
#include "os/page/page_allocator.h"
#include "os/path/frame_gate.h"
#include "os/path/frame_mappings.h"
#include "os/path/kernel_addresses.h"
#include "os/path/kernel_counters.h"
#include "os/path/lru_lists.h"
#include "os/path/memory_cgroup.h"
#include "os/path/operation.h"
#include "os/path/page_flags.h"
#include "os/path/touch_path.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// Are newly allocated pages cleared whoever asks? Debian's kernels do.
enum class InitOnAlloc : std::uint8_t { Off, On };

/// The page allocator as the rest of the kernel calls it: takes effect at once, and appends to the
/// operation's path what the call touches, between two marks.
class FrameAllocator {
public:
    FrameAllocator(PageAllocator& allocator, const KernelAddresses& addresses, KernelCounters& counters,
                   InitOnAlloc init_on_alloc, FrameGate* gate = nullptr)
        : m_allocator(allocator), m_addresses(addresses), m_counters(counters), m_init(init_on_alloc),
          m_gate(gate), m_lru(allocator, counters, &m_cgroups) {}

    struct Request {
        GfpMask mask;
        unsigned order = 0;
        AllocationPurpose purpose = AllocationPurpose::Anonymous;
        std::optional<NodeId> node; ///< preferred; as the task's policy says where none is given
        std::optional<std::uint64_t>
            index; ///< of a user page: its place in its area's file or memory, in pages
    };

    /// Frames with a reference count of 1. May wait where the mask has gfp::direct_reclaim; the operation may
    /// then go on on another CPU. Errors: NoMemory as the kernel would return null, also where the
    /// operation's memory cgroup has no room.
    [[nodiscard]] std::expected<Pfn, AllocError> allocate(Operation& op, const Request& request);

    /// alloc_pages_bulk: fills `frames` with single frames, as many as one per-CPU list gives without effort,
    /// at least one where there is memory. Returns how many. Each is recorded as an allocation.
    [[nodiscard]] std::size_t allocate_bulk(Operation& op, const Request& request, std::span<Pfn> frames);
    /// split_page: the block is single frames from now on.
    void split(Pfn frame, unsigned order);

    /// Frees a block; its descriptor must have no users left.
    void free(Operation& op, Pfn frame, unsigned order);
    /// Frees single frames, as the end of a munmap does.
    void free_batch(Operation& op, std::span<const Pfn> frames);

    /// Says what a user page belongs to.
    void set_mapping(Pfn frame, const FrameMapping& mapping) { m_mappings.set(frame, mapping); }
    [[nodiscard]] FrameMapping mapping(Pfn frame) { return m_mappings.get(frame); }

    /// What processes are charged for.
    [[nodiscard]] MemoryCgroups& cgroups() { return m_cgroups; }
    [[nodiscard]] const MemoryCgroups& cgroups() const { return m_cgroups; }

    /// While it lives, the kernel's allocators work for `op`: what they ask of each other, reclaim and
    /// compaction put their steps on its path. Scopes nest.
    class Scope {
    public:
        Scope(FrameAllocator& frames, Operation& op);
        ~Scope() { m_frames.m_current = m_outer; }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

    private:
        friend class FrameAllocator;
        Scope(FrameAllocator& frames, Operation& op, const AllocTrace& trace);

        FrameAllocator& m_frames;
        Scope* m_outer;
        Operation& m_op;
        const AllocTrace* m_trace = nullptr; ///< of the allocation in progress
        std::uint32_t m_zones_described = 0;
        bool m_first_pass_described = false;
    };
    /// The operation of the innermost scope. Contract: there is one.
    [[nodiscard]] Operation& served();
    /// The CPU of the operation that is served; `cpu` where there is none.
    [[nodiscard]] CpuId served_cpu(CpuId cpu) const {
        return m_current == nullptr ? cpu : m_current->m_op.cpu;
    }
    /// Puts aside what is being served, for an operation that waits inside an allocator; resume() goes on.
    [[nodiscard]] Scope* suspend() { return std::exchange(m_current, nullptr); }
    void resume(Scope* suspended) { m_current = suspended; }
    /// The operation in progress, for what the page allocator calls back. Its path has the allocation's steps
    /// up to here. An untimed one where the page allocator was called directly.
    [[nodiscard]] Operation& slow_path_operation();
    /// The steps of frees that went through the page allocator itself.
    void describe_free(Operation& op, const AllocTrace& trace);

    /// Of all pages; a page that is freed leaves its list.
    [[nodiscard]] LruLists& lru() { return m_lru; }
    [[nodiscard]] const LruLists& lru() const { return m_lru; }

    [[nodiscard]] PageMap& pages() { return m_allocator.pages(); }
    [[nodiscard]] PageAllocator& allocator() { return m_allocator; }
    [[nodiscard]] const KernelAddresses& addresses() const { return m_addresses; }

private:
    class LentSteps;

    [[nodiscard]] std::expected<Pfn, AllocError> allocate_uncharged(Operation& op, const Request& request);
    [[nodiscard]] static AllocationSource source_of(const AllocTrace& trace);
    [[nodiscard]] AllocRequest asked(const Operation& op, const Request& request) const;
    void hand_out(Operation& op, const Request& request, const Zone& zone, Pfn frame);
    void record(Operation& op, const Request& request, const Zone& zone, Pfn frame, AllocationSource source,
                std::uint32_t begin);
    void describe_first_pass(Scope& scope);
    void describe(Scope& scope, const Request& request, const Zone& zone, Pfn frame);
    /// The descriptors of a block beyond its first are read, or written, one by one.
    void read_tails(Operation& op, Pfn block, unsigned order);
    void write_tails(Operation& op, Pfn block, unsigned order);
    void check_refilled(Operation& op, const Request& request, const AllocTrace& trace, const Zone& zone,
                        Pfn frame);
    void describe_fallback(Operation& op, const Request& request, const AllocTrace& trace, const Zone& zone);
    void describe_drain(Operation& op, const AllocTrace& trace, const Zone& zone);
    void forget(Pfn frame, unsigned order);

    PageAllocator& m_allocator;
    const KernelAddresses& m_addresses;
    KernelCounters& m_counters;
    InitOnAlloc m_init;
    FrameGate* m_gate; ///< null: none
    MemoryCgroups m_cgroups;
    LruLists m_lru;
    FrameMappings m_mappings;
    TouchPathWriter m_writer;
    std::vector<TouchSteps> m_spare_steps; ///< with the capacity they had
    Scope* m_current = nullptr;
    KernelPath m_no_path;
    PathLog m_no_log;
    CostTable m_no_costs;
    Operation m_no_operation{
        .path = {m_no_path, m_no_costs, KernelTiming::Off}, .log = m_no_log, .runs = false};
};

} // namespace pagewalk::os
