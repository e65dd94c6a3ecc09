#pragma once

#include "base/stats.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/tlb.h"

#include <cstdint>
#include <optional>

namespace pagewalk::models {

/// The TLBs of one core: split first levels by page size, for instructions and for data, and a second level
/// shared by both. A first level does not include the second, nor is it included.
struct TlbHierarchy {
    explicit TlbHierarchy(const MmuConfig& config);

    /// Of the second level. Null on a miss. Counts.
    [[nodiscard]] TlbEntry* find_second_level(VirtAddr address, std::uint16_t pcid) {
        TlbEntry* entry = l2.probe({address, PageSize::Page4K, pcid});
        if (entry == nullptr) entry = l2.probe({address, PageSize::Page2M, pcid});
        if (entry != nullptr) {
            l2.count_hit();
            return entry;
        }
        l2.count_miss();
        return l2_1g.find({address, PageSize::Page1G, pcid});
    }
    void fill_l1_data(VirtAddr address, std::uint16_t pcid, const TlbEntry& entry) {
        l1d(entry.size).insert(address, pcid, entry);
    }
    /// `evicted`, where it is not null: told what had to leave the level for it.
    void fill_second_level(VirtAddr address, std::uint16_t pcid, const TlbEntry& entry,
                           std::optional<TaggedTlbEntry>* evicted = nullptr) {
        (entry.size == PageSize::Page1G ? l2_1g : l2).insert({address, entry.size, pcid}, entry, evicted);
    }
    /// Where the first level keeps its 1 GiB pages.
    [[nodiscard]] Tlb& l1d_1g() { return l1d_own_1g.present() ? l1d_own_1g : l1d_2m; }
    [[nodiscard]] Tlb& l1d(PageSize size) {
        if (size == PageSize::Page4K) return l1d_4k;
        return size == PageSize::Page2M ? l1d_2m : l1d_1g();
    }

    /// Returns how many entries it has dropped.
    std::uint64_t invalidate(const TlbInvalidation& invalidation);
    void declare(StatGroup group) const;

    Tlb l1i_4k, l1i_2m, l1d_4k, l1d_2m, l1d_own_1g, l2, l2_1g;
};

} // namespace pagewalk::models
