#pragma once

#include "os/reclaim/lru_batch.h"
#include "os/vm/page_table.h"
#include "os/vm/virtual_memory.h"
#include "tests/unit/os/file/file_rig.h"

#include <memory>
#include <vector>

namespace pagewalk::os::test {

inline constexpr VirtAddr base{0x7f0000000000};
[[nodiscard]] inline VirtAddr page(std::uint64_t number) { return base + number * page_size; }

inline constexpr std::uint64_t swap_pages = 1024; ///< of the rig's swap area

/// Address spaces over the files of FileRig; a test runs their operations by hand.
struct VmRig : FileRig {
    PageTableMemory table_memory;
    LruBatches lru{frames, counters, 2};
    Swap swap;
    PageTables tables;
    VirtualMemory vm;

    explicit VmRig(FileCache cache = FileCache::Cold, const VmConfig& config = {},
                   PageTableKind kind = PageTableKind::Radix,
                   const std::vector<std::uint64_t>& node_bytes = {64ULL << 20},
                   std::uint32_t zram_percent = 0)
        : FileRig(
              cache, [this](Operation& op, Pfn frame) { lru.add(op, frame); }, node_bytes),
          swap({frames, counters, block, locks, lru, workingset}, swap_pages << page_shift, zram_percent),
          tables(table_memory, frames, counters, 4, kind),
          vm({frames, objects, files, lru, tables, counters, runner, swap}, config, 2) {
        addresses.zero_page = *allocator->allocate({.mask = gfp::kernel});
        addresses.root = *allocator->allocate({.mask = gfp::kernel});
        table_memory.add(addresses.root);
        tables.set_kernel_root(addresses.root);
    }
    ~VmRig() { unwind(); }

    [[nodiscard]] std::shared_ptr<AddressSpace> new_space() {
        return at_once([&](Operation& op) { return vm.create(op); });
    }
    void map(AddressSpace& space, const MapRequest& request) {
        at_once([&](Operation& op) { vm.map(op, space, request); });
    }
    /// Writable memory of the process's own from `start` on.
    void map_anonymous(AddressSpace& space, VirtAddr start, std::uint64_t pages) {
        map(space, {.start = start, .bytes = pages * page_size, .flags = vm::read | vm::write | vm::account});
    }
    /// A job: a fault, whose result goes to `result`.
    [[nodiscard]] auto fault(AddressSpace& space, VirtAddr at, VirtualMemory::FaultResult& result,
                             FaultAccess access = FaultAccess::Write) {
        return [this, &space, at, &result, access](Operation& op) {
            result = vm.fault(op, space, at, access, StrayAccess::Kills);
        };
    }
    /// A fault from its beginning to its end, on CPU 0.
    VirtualMemory::FaultResult touch(AddressSpace& space, VirtAddr at,
                                     FaultAccess access = FaultAccess::Write) {
        VirtualMemory::FaultResult result = not_yet;
        run(cpu0, fault(space, at, result, access));
        return result;
    }
    [[nodiscard]] PageTableEntry entry(AddressSpace& space, VirtAddr at) {
        const PteSlot slot = tables.find(space, at);
        return slot ? *slot.entry : PageTableEntry{};
    }

    /// Of a fault that is not over.
    static constexpr VirtualMemory::FaultResult not_yet{
        VirtualMemory::FaultStatus::Retry, FaultKind::Kill, {}};
};

} // namespace pagewalk::os::test
