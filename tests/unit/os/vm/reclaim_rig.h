#pragma once

#include "os/reclaim/node_reclaim.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <memory>
#include <vector>

namespace pagewalk::os::test {

/// A process with 64 pages of its own, from page(0) on, whose memory a test has reclaimed.
struct ReclaimRig : VmRig {
    NodeReclaim reclaim;
    std::shared_ptr<AddressSpace> space = new_space();
    std::size_t completed = 0; ///< requests

    explicit ReclaimRig(FileCache cache = FileCache::Cold, ReclaimPolicyKind policy = ReclaimPolicyKind::Lru,
                        std::uint32_t zram_percent = 0)
        : VmRig(cache, {}, PageTableKind::Radix, {64ULL << 20}, zram_percent),
          reclaim({frames, counters, vm, lru, swap, workingset}, 60, policy) {
        map_anonymous(*space, page(0), 64);
    }
    ~ReclaimRig() { unwind(); }

    std::shared_ptr<AddressSpace> fork() {
        return at_once([this](Operation& op) { return vm.fork(op, *space); });
    }
    /// A page that the process has written to, on its list.
    Pfn written(std::uint64_t number) {
        touch(*space, page(number));
        at_once([this](Operation& op) { lru.drain(op); });
        return entry(*space, page(number)).frame();
    }
    /// As the MMU does: the process writes to a page that it may write to.
    void write(std::uint64_t number) {
        PteSlot slot = tables.find(*space, page(number));
        if (!slot.entry->has(PageTableEntry::Writable)) touch(*space, page(number));
        slot = tables.find(*space, page(number));
        *slot.entry = slot.entry->with(PageTableEntry::Accessed | PageTableEntry::Dirty);
    }
    /// MADV_PAGEOUT.
    void page_out(std::uint64_t first, std::uint64_t pages = 1) {
        at_once([&](Operation& op) {
            const auto isolated = vm.isolate_for_pageout(op, *space, page(first), pages * page_size);
            reclaim.reclaim_pages(op, isolated);
        });
    }
    /// The same until the pages are out of memory.
    void swap_out(std::uint64_t first, std::uint64_t pages = 1) {
        page_out(first, pages);
        complete_all();
        reclaim_all();
    }
    void complete_all() {
        while (completed < disk.submitted.size()) complete(completed++);
    }
    /// Takes every evictable page off its inactive list and frees what nobody has used lately.
    std::uint64_t reclaim_all() {
        return at_once([this](Operation& op) {
            ScanControl control{.wanted = ~0ULL, .priority = 0, .by_kswapd = true};
            reclaim.shrink_node(op, NodeId{}, control);
            return control.reclaimed;
        });
    }
    /// A read of a page that has to be read from the disk.
    VirtualMemory::FaultResult read_back(std::uint64_t number) {
        VirtualMemory::FaultResult result = not_yet;
        run(cpu0, fault(*space, page(number), result, FaultAccess::Read));
        complete_all();
        pick(cpu0);
        return result;
    }
    [[nodiscard]] std::uint16_t flags(Pfn frame) const { return allocator->pages().peek(frame).owner_flags; }
};

} // namespace pagewalk::os::test
