#include "os/vm/hugetlb_pool.h"

#include "base/error.h"
#include "os/page/contiguous.h"
#include "os/path/memory_policy.h"

#include <numeric>
#include <string>

namespace pagewalk::os {
namespace {

constexpr unsigned order_2m = 9;
// htlb_alloc_mask and what alloc_buddy_huge_page adds
constexpr GfpMask pool_gfp = gfp::highuser | gfp::comp | gfp::retry_mayfail | gfp::nowarn;

} // namespace

HugetlbPool::Counts HugetlbPool::counts() const {
    return std::accumulate(m_nodes.begin(), m_nodes.end(), Counts{}, [](Counts sum, const Counts& node) {
        return Counts{sum.total + node.total, sum.free + node.free, sum.surplus + node.surplus};
    });
}

HugetlbPools::HugetlbPools(FrameAllocator& frames, KernelCounters& counters)
    : m_frames(frames),
      m_counters(counters), m_pools{HugetlbPool(HugetlbSize::Page2M, frames.allocator().node_count()),
                                    HugetlbPool(HugetlbSize::Page1G, frames.allocator().node_count())} {}

void HugetlbPools::boot(Operation& op, const HugetlbConfig& config, ContiguousAllocator& contiguous) {
    const std::size_t nodes = m_frames.allocator().node_count();
    const auto fill_from = [&](HugetlbSize size, std::string_view key, const std::string& text) {
        fill(op, pool(size), *HugetlbPages::parse(text, nodes), contiguous, key, text);
    };
    fill_from(HugetlbSize::Page1G, "pages_1gib", config.pages_1gib); // while memory is in one piece
    fill_from(HugetlbSize::Page2M, "pages_2mib", config.pages_2mib);
    pool(HugetlbSize::Page2M).set_overcommit(config.overcommit);
}

void HugetlbPools::fill(Operation& op, HugetlbPool& pool, const HugetlbPages& pages,
                        ContiguousAllocator& contiguous, std::string_view key, std::string_view text) {
    const std::size_t nodes = m_frames.allocator().node_count();
    const std::uint64_t wanted = pages.sum();
    std::uint64_t got = 0;
    for (std::size_t node = 0; node < pages.per_node.size(); ++node)
        for (std::uint64_t i = 0; i < pages.per_node[node]; ++i, ++got) {
            const Pfn head = new_page(op, pool.size(), static_cast<NodeId>(node), contiguous);
            if (head == no_pfn) break;
            add(pool, head);
        }
    // The nodes in turn; one that has no room is passed over.
    for (std::size_t turn = 0, failed = 0; got < wanted && pages.per_node.empty() && failed < nodes; ++turn) {
        const Pfn head = new_page(op, pool.size(), static_cast<NodeId>(turn % nodes), contiguous);
        failed = head == no_pfn ? failed + 1 : 0;
        if (head == no_pfn) continue;
        add(pool, head);
        ++got;
    }
    if (got < wanted)
        throw ConfigError("os.hugetlb." + std::string(key) + " = " + std::string(text) +
                          ": memory has room for " + std::to_string(got) + " of the pages");
}

Pfn HugetlbPools::new_page(Operation& op, HugetlbSize size, NodeId node, ContiguousAllocator& contiguous) {
    if (size == HugetlbSize::Page2M) {
        const auto frame = m_frames.allocate(op, {.mask = pool_gfp | gfp::thisnode,
                                                  .order = order_2m,
                                                  .purpose = AllocationPurpose::Anonymous,
                                                  .node = node});
        ++(frame ? m_counters.htlb_buddy_alloc_success : m_counters.htlb_buddy_alloc_fail);
        return frame ? *frame : no_pfn;
    }
    const auto frame = contiguous.allocate(
        {.mask = pool_gfp | gfp::thisnode, .cpu = op.cpu, .preferred = node}, frames_of(size));
    if (!frame) return no_pfn;
    m_gigantic.insert(frame->value());
    return *frame;
}

/// prep_new_huge_page, and the page is free.
void HugetlbPools::add(HugetlbPool& pool, Pfn head) {
    const NodeId node = node_of(head);
    PageDescriptor& page = m_frames.pages().at(head);
    page.owner_flags = frame_flags::hugetlb;
    page.refcount = 0;
    pool.m_free[index_of(node)].push_back(head);
    ++pool.m_nodes[index_of(node)].total;
    ++pool.m_nodes[index_of(node)].free;
}

bool HugetlbPools::reserve(Operation& op, HugetlbSize size, std::uint64_t pages) {
    HugetlbPool& from = pool(size);
    const std::uint64_t available = from.counts().free - from.m_reserved;
    if (pages > available && !gather_surplus(op, from, pages - available)) return false;
    from.m_reserved += pages;
    return true;
}

void HugetlbPools::unreserve(Operation& op, HugetlbSize size, std::uint64_t pages) {
    HugetlbPool& from = pool(size);
    PAGEWALK_INVARIANT(from.m_reserved >= pages);
    from.m_reserved -= pages;
    drop_surplus(op, from, pages);
}

/// All of them, or none stays.
bool HugetlbPools::gather_surplus(Operation& op, HugetlbPool& pool, std::uint64_t needed) {
    for (std::uint64_t got = 0; got < needed; ++got) {
        const Pfn head = new_surplus(op, pool);
        if (head == no_pfn) {
            drop_surplus(op, pool, got);
            return false;
        }
        pool.m_free[index_of(node_of(head))].push_back(head);
        ++pool.m_nodes[index_of(node_of(head))].free;
    }
    return true;
}

/// alloc_surplus_huge_page: counted, but not among the free ones.
Pfn HugetlbPools::new_surplus(Operation& op, HugetlbPool& pool) {
    if (pool.size() != HugetlbSize::Page2M || pool.counts().surplus >= pool.m_overcommit) return no_pfn;
    const auto frame =
        m_frames.allocate(op, {.mask = pool_gfp, .order = order_2m, .purpose = AllocationPurpose::Anonymous});
    ++(frame ? m_counters.htlb_buddy_alloc_success : m_counters.htlb_buddy_alloc_fail);
    if (!frame) return no_pfn;
    PageDescriptor& page = m_frames.pages().at(*frame);
    page.owner_flags = frame_flags::hugetlb;
    page.refcount = 0;
    HugetlbPool::Counts& node = pool.m_nodes[index_of(node_of(*frame))];
    ++node.total;
    ++node.surplus;
    return *frame;
}

/// return_unused_surplus_pages: free ones that nobody was promised, `pages` at most.
void HugetlbPools::drop_surplus(Operation& op, HugetlbPool& pool, std::uint64_t pages) {
    for (std::size_t node = 0; node < pool.m_nodes.size() && pages != 0; ++node) {
        HugetlbPool::Counts& counts = pool.m_nodes[node];
        while (pages != 0 && counts.surplus != 0 && counts.free != 0 &&
               pool.counts().free > pool.m_reserved) {
            const Pfn head = pool.m_free[node].back();
            pool.m_free[node].pop_back();
            --counts.free;
            release(op, pool, head);
            --pages;
        }
    }
}

/// Back to the page allocator.
void HugetlbPools::release(Operation& op, HugetlbPool& pool, Pfn head) {
    HugetlbPool::Counts& counts = pool.m_nodes[index_of(node_of(head))];
    --counts.total;
    --counts.surplus;
    m_frames.free(op, head, order_2m);
}

/// dequeue_huge_page_vma: from the policy's node, else from those that it allows, the nearest first.
Pfn HugetlbPools::dequeue(Operation& op, HugetlbPool& pool, std::uint64_t index) {
    const PageAllocator& allocator = m_frames.allocator();
    const NodeId own = allocator.cpus()[op.cpu];
    MemoryPolicy local;
    const MemoryPolicy::Placement place = (op.policy != nullptr ? *op.policy : local).place(own, index);
    const auto take_from = [&](NodeId node) {
        std::vector<Pfn>& free = pool.m_free[index_of(node)];
        if (free.empty() || (place.nodes != nullptr && !place.nodes->contains(node))) return no_pfn;
        const Pfn head = free.back();
        free.pop_back();
        --pool.m_nodes[index_of(node)].free;
        return head;
    };
    if (const Pfn head = take_from(place.preferred); head != no_pfn) return head;
    for (const NodeId node : allocator.node_order()[index_of(place.preferred)])
        if (const Pfn head = take_from(node); head != no_pfn) return head;
    return no_pfn;
}

Pfn HugetlbPools::take(Operation& op, HugetlbSize size, Promise promise, std::uint64_t index) {
    HugetlbPool& from = pool(size);
    op.path.call(KernelFunction::AllocHugePage);
    Pfn head = no_pfn;
    if (promise == Promise::Kept || from.counts().free > from.m_reserved) head = dequeue(op, from, index);
    if (head == no_pfn) head = new_surplus(op, from);
    if (head == no_pfn) return no_pfn;
    if (promise == Promise::Kept) --from.m_reserved;
    PageDescriptor& page = m_frames.pages().at(head);
    page.refcount = 1;
    page.mapcount = 0;
    op.path.store_page(head);
    return head;
}

void HugetlbPools::put(Operation& op, Pfn head) {
    PageDescriptor& page = m_frames.pages().at(head);
    PAGEWALK_INVARIANT(page.refcount != 0);
    op.path.store_page(head);
    if (--page.refcount != 0) return;
    HugetlbPool& to = pool(size_of(head));
    HugetlbPool::Counts& node = to.m_nodes[index_of(node_of(head))];
    if (node.surplus != 0) return release(op, to, head);
    to.m_free[index_of(node_of(head))].push_back(head);
    ++node.free;
}

} // namespace pagewalk::os
