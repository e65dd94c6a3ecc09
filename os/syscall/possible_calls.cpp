#include "os/syscall/possible_calls.h"

#include "contract/calls_about_memory.h"
#include "os/syscall/hugetlb_calls.h"

#include <sys/syscall.h>

namespace pagewalk::os {
namespace {

/// s_maxbytes of a file system at most, far beyond any file; what FrameMappings has room for.
constexpr std::uint64_t largest_file = 1ULL << 47;

bool is_user_range(std::uint64_t start, std::uint64_t bytes) {
    const std::uint64_t end = kernel_layout::user_end.value();
    return start <= end && bytes <= end - start;
}

bool maps(const CallContext& call, std::uint64_t bytes) {
    return call.result() % page_size == 0 && bytes != 0 && is_user_range(call.result(), bytes);
}

bool is_file_range(std::uint64_t offset, std::uint64_t bytes) {
    return offset <= largest_file && bytes <= largest_file - offset;
}

VirtAddr page_up(VirtAddr address) { return (address + (page_size - 1)).page(); }

/// brk: not below where the heap began, and over nothing else.
bool can_break(const AddressSpace& space, VirtAddr wanted) {
    if (!is_user_range(wanted.value(), 0)) return false;
    if (space.brk == VirtAddr{}) return true;
    const VirtAddr from = page_up(space.brk), to = page_up(wanted);
    if (wanted < space.brk_start) return false;
    const std::size_t next = space.areas.find(from);
    return to <= from || next == space.areas.size() || space.areas[next].start >= to;
}

} // namespace

bool is_possible(const CallContext& call) {
    constexpr std::uint64_t anonymous = 0x20; // MAP_ANONYMOUS
    switch (call.record.number) {
    case SYS_mmap:
        if (calls_about_memory::maps_hugetlb(call.record.number, call.record.arguments))
            return maps(call, call.argument(1)) && call.argument(1) <= largest_file;
        return maps(call, call.argument(1)) &&
               ((call.argument(3) & anonymous) != 0 ||
                (call.argument(5) % page_size == 0 && is_file_range(call.argument(5), call.argument(1))));
    case SYS_mremap:
        return call.argument(0) % page_size == 0 && is_user_range(call.argument(0), call.argument(1)) &&
               !cuts_hugetlb(call, call.address(0), page_up(call.address(0) + call.argument(1))) &&
               (call.record.result < 0 || maps(call, call.argument(2)));
    case SYS_shmget:
        return call.argument(1) <= largest_file;
    case SYS_shmat: {
        const auto* const segment = call.kernel.segments.find(static_cast<std::int64_t>(call.argument(0)));
        return maps(call, segment != nullptr ? segment->bytes : 1);
    }
    case SYS_brk:
        return can_break(call.space(), VirtAddr(call.result()));
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_madvise:
        return is_user_range(call.argument(0), call.argument(1)) &&
               !cuts_hugetlb(call, call.address(0).page(), page_up(call.address(0) + call.argument(1)));
    case SYS_mlock:
    case SYS_mlock2:
    case SYS_munlock:
    case SYS_mincore:
        return is_user_range(call.argument(0), call.argument(1));
    case SYS_truncate:
    case SYS_ftruncate:
    case SYS_readahead:
        return call.argument(1) <= largest_file;
    case SYS_lseek:
        return call.result() <= largest_file;
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_preadv:
    case SYS_pwritev:
        return call.argument(3) <= largest_file;
    case SYS_preadv2:
    case SYS_pwritev2:
        return call.argument(3) <= largest_file || call.argument(3) == ~0ULL; // the file's own position
    case SYS_fallocate:
        return is_file_range(call.argument(2), call.argument(3));
    case SYS_fadvise64:
    case SYS_sync_file_range:
        return call.argument(1) <= largest_file && call.argument(2) <= largest_file;
    default:
        return true;
    }
}

} // namespace pagewalk::os
