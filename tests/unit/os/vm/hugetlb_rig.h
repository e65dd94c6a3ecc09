#pragma once

#include "os/page/contiguous.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <string>
#include <vector>

namespace pagewalk::os::test {

/// Nothing in memory can be moved: pages of hugetlbfs come from what is free.
struct NothingMoves final : PageMigrator {
    bool isolate(Pfn, CompactMode, GfpMask) override { return false; }
    void put_back(Pfn) override {}
    bool migrate(Pfn, Pfn, CompactMode) override { return false; }
    void drain_batches(CpuId) override {}
};

[[nodiscard]] inline VmConfig with_hugetlb(const std::string& pages_2mib, std::uint64_t overcommit = 0,
                                           const std::string& pages_1gib = "0") {
    VmConfig config;
    config.hugetlb = {pages_2mib, pages_1gib, overcommit};
    return config;
}

/// Address spaces with pools of hugetlbfs.
struct HugetlbRig : VmRig {
    NothingMoves migrator;

    explicit HugetlbRig(const VmConfig& config, const std::vector<std::uint64_t>& node_bytes = {64ULL << 20})
        : VmRig(FileCache::Cold, config, PageTableKind::Radix, node_bytes) {
        ContiguousAllocator contiguous(*allocator, migrator);
        at_once([&](Operation& op) { vm.boot_hugetlb(op, contiguous); });
    }

    [[nodiscard]] const HugetlbPool& pool(HugetlbSize size = HugetlbSize::Page2M) {
        return vm.hugetlb().pool(size);
    }
    enum class Kind : std::uint8_t { Private, Shared, NoReserve };
    /// As mmap with MAP_HUGETLB. False where the pool has not enough.
    bool map_hugetlb(AddressSpace& space, VirtAddr start, std::uint64_t pages, Kind kind = Kind::Private,
                     HugetlbSize size = HugetlbSize::Page2M) {
        HugetlbFiles& known = vm.hugetlb_files();
        return at_once([&](Operation& op) {
            MapRequest request{.start = start, .bytes = pages * bytes_of(size)};
            request.inode = known.create(op, "/anon_hugepage (deleted)", size);
            request.flags = vm::read | vm::write | vm::hugetlb | vm::dont_expand;
            bool promised = true;
            if (kind == Kind::Shared) {
                request.flags |= vm::shared;
                promised = known.reserve_shared(op, request.inode, 0, pages);
            } else if (kind == Kind::Private) {
                request.reservation = known.reserve_private(op, request.inode, pages);
                promised = request.reservation != nullptr;
            }
            if (promised) vm.map(op, space, request);
            files.drop_user(op, request.inode);
            return promised;
        });
    }
    [[nodiscard]] PageTableEntry leaf(AddressSpace& space, VirtAddr at, unsigned level = 2) {
        const PteSlot slot = tables.find_upper(space, at, level);
        return slot ? *slot.entry : PageTableEntry{};
    }
    void munmap(AddressSpace& space, VirtAddr start, std::uint64_t bytes) {
        at_once([&](Operation& op) { vm.munmap(op, space, start, bytes); });
    }
};

} // namespace pagewalk::os::test
