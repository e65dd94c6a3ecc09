#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/operation.h"
#include "os/reclaim/lru_batch.h"
#include "os/reclaim/swap.h"
#include "os/vm/huge_pages.h"
#include "os/vm/hugetlb_pool.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// Pages that an unmapping has taken out of the tables and that are freed once the TLBs are flushed
/// (mmu_gather): 8 in the structure itself, then 510 in each of up to 19 pages allocated for the purpose.
class PageGather {
public:
    struct Parts {
        FrameAllocator& frames;
        LruBatches& lru;
        HugePages& huge;
        HugetlbPools& hugetlb;
        Swap& swap;
    };
    explicit PageGather(const Parts& parts)
        : m_frames(parts.frames), m_lru(parts.lru), m_huge(parts.huge), m_hugetlb(parts.hugetlb),
          m_swap(parts.swap) {}

    /// Drops the mapping's reference. No: there is room for more; Yes: flush() must come before the next
    /// add().
    enum class Full : bool { No, Yes };
    [[nodiscard]] Full add(Operation& op, Pfn frame);
    /// Frees what lost its last reference. The caller has flushed the TLBs.
    void flush(Operation& op);
    /// After the last flush(): gives the batch pages back.
    void finish(Operation& op);
    [[nodiscard]] bool empty() const { return m_pages.empty(); }

private:
    static constexpr std::size_t bundle = 8;        // MMU_GATHER_BUNDLE
    static constexpr std::size_t batch_pages = 510; // pointers in a page behind the header
    static constexpr std::size_t most_batches = 19; // MAX_GATHER_BATCH_COUNT

    void release(Operation& op, std::size_t first, std::size_t last);

    FrameAllocator& m_frames;
    LruBatches& m_lru;
    HugePages& m_huge;
    HugetlbPools& m_hugetlb;
    Swap& m_swap;
    std::vector<Pfn> m_pages;
    std::vector<Pfn> m_batches;
    std::vector<Pfn> m_to_free;
    bool m_no_more_batches = false;
};

} // namespace pagewalk::os
