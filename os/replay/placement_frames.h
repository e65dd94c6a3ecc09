#pragma once

#include "os/kernel/captured_allocator.h"
#include "os/replay/page_replay.h"
#include "os/replay/page_snapshot.h"
#include "os/replay/placement_ops.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::os {

/// The page allocator of a captured machine under a simulated kernel. What other code did with it on the real
/// machine is done again in its place: before the kernel's (n+1)-th own operation comes what stands between
/// the n-th and the next one in the capture. Own operations are those on user pages, page tables, page cache
/// and what munmap and mincore need for themselves; the kernel's objects and stacks, whose state was not
/// taken over, come from frames that the real kernel's text occupies.
class PlacementFrames final : public CapturedAllocator, public FrameGate {
public:
    PlacementFrames(PageSnapshot before, PlacementTrace trace);

    // CapturedAllocator
    [[nodiscard]] std::unique_ptr<PageAllocator> take_allocator(BootLayout& layout) override;
    [[nodiscard]] FrameGate& gate() override { return *this; }

    // FrameGate
    [[nodiscard]] std::optional<Pfn> serve(const AllocRequest& request, AllocationPurpose purpose) override;
    void note_served(Pfn frame) override;
    [[nodiscard]] bool take_back(Pfn frame, unsigned order) override;

    /// From here on operations count; those before set up what the capture begins with.
    void begin() { m_counts = true; }
    /// What is left of the capture once the program has ended.
    void finish();

    [[nodiscard]] std::uint64_t own_operations() const { return m_own; }
    /// The first operation that was another than the capture's, in words; empty: there is none.
    [[nodiscard]] const std::string& first_difference() const { return m_first_difference; }

private:
    [[nodiscard]] const PlacementOp* next_own();
    void do_foreign(const PlacementOp& op);
    void allocate_foreign(const PlacementOp& op);
    void free_foreign(const PlacementOp& op);
    void adopt(Pfn frame);
    [[nodiscard]] Zone& zone_of(const PlacementOp& op);
    [[nodiscard]] Pfn take_from_pool(unsigned order);
    [[nodiscard]] bool others_free(Pfn frame) const;
    void differ(const std::string& ours, const PlacementOp* theirs);

    PageSnapshot m_before;
    PlacementTrace m_trace;
    std::size_t m_next = 0; ///< of the trace
    const PlacementOp* m_expected = nullptr;
    PageAllocator* m_allocator = nullptr;
    std::array<std::vector<Pfn>, max_order> m_pool; ///< given back, by order
    Pfn m_pool_next;
    bool m_counts = false;
    std::uint64_t m_own = 0;
    std::string m_first_difference;
};

} // namespace pagewalk::os
