#pragma once

#include "base/address.h"
#include "os/file/file_system.h"
#include "os/path/memory_policy.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

enum class AnonVmaId : std::uint32_t {};
inline constexpr AnonVmaId no_anon_vma{0xffffffff};

class HugetlbReservation;

/// Properties of an area; combinations of bits.
namespace vm {
inline constexpr std::uint32_t read = 1;
inline constexpr std::uint32_t write = 2;
inline constexpr std::uint32_t exec = 4;
inline constexpr std::uint32_t access = read | write | exec;
inline constexpr std::uint32_t shared = 8;
inline constexpr std::uint32_t grows_down = 0x100;
inline constexpr std::uint32_t locked = 0x2000;
inline constexpr std::uint32_t dont_copy = 0x20000;
inline constexpr std::uint32_t dont_expand = 0x40000;
inline constexpr std::uint32_t lock_on_fault = 0x80000;
inline constexpr std::uint32_t sequential = 0x8000;
inline constexpr std::uint32_t random = 0x10000;
inline constexpr std::uint32_t wipe_on_fork = 0x2000000;
inline constexpr std::uint32_t dont_dump = 0x4000000;
inline constexpr std::uint32_t account = 0x100000;
inline constexpr std::uint32_t huge_page = 0x20000000;
inline constexpr std::uint32_t no_huge_page = 0x40000000;
inline constexpr std::uint32_t no_reserve = 0x200000;
inline constexpr std::uint32_t hugetlb = 0x400000;
} // namespace vm

/// A virtual memory area: [start, end) with one set of properties.
struct Vma {
    /// One of the anon_vmas that pages of this area may belong to: its own, and those of the processes it was
    /// forked from.
    struct ChainLink {
        AnonVmaId anon = no_anon_vma;
        VirtAddr object{}; ///< struct anon_vma_chain
    };

    VirtAddr start{};
    VirtAddr end{};
    std::uint32_t flags = 0;
    InodeId inode = no_inode;
    std::shared_ptr<ReadaheadState> readahead; ///< of the open file; null: the inode's own
    std::uint64_t page_offset = 0; ///< of `start`: in the file, or start's page number when the area was made
    AnonVmaId anon = no_anon_vma;  ///< gets this area's new anonymous pages
    VirtAddr object{};             ///< struct vm_area_struct
    std::vector<ChainLink> chain;
    std::shared_ptr<MemoryPolicy> policy;            ///< by mbind; null: the task's
    std::shared_ptr<HugetlbReservation> reservation; ///< of private hugetlb memory that was promised pages

    [[nodiscard]] bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
    [[nodiscard]] bool contains(VirtAddr address) const { return start <= address && address < end; }
    [[nodiscard]] bool anonymous() const { return inode == no_inode; }
    [[nodiscard]] bool is_private() const { return !has(vm::shared); }
    [[nodiscard]] std::uint64_t pages() const { return (end - start) >> page_shift; }
    /// Page index in the file.
    [[nodiscard]] std::uint64_t index_of(VirtAddr address) const {
        return page_offset + ((address.page() - start) >> page_shift);
    }
};

} // namespace pagewalk::os
