#include "os/syscall/user_memory.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

// Assumed: larger structures are made and copied a piece at a time.
constexpr std::uint64_t stack_piece = 512;

} // namespace

UserSegment UserRange::take(std::uint64_t most) {
    while (m_current.bytes == 0 && !m_rest.empty()) {
        m_current = m_rest.front();
        m_rest = m_rest.subspan(1);
    }
    const std::uint64_t in_page = page_size - m_current.address.page_offset();
    const UserSegment piece{m_current.address, std::min({most, m_current.bytes, in_page})};
    m_current.address += piece.bytes;
    m_current.bytes -= piece.bytes;
    return piece;
}

void UserRange::skip(std::uint64_t bytes) {
    while (bytes != 0) {
        const std::uint64_t skipped = take(bytes).bytes;
        if (skipped == 0) return;
        bytes -= skipped;
    }
}

Pfn user_frame(CallContext& call, VirtAddr at, UserCopy way) {
    const CallParts& kernel = call.kernel;
    const bool writes = way == UserCopy::ToUser;
    for (int tries = 0; tries < 2; ++tries) {
        const PteSlot slot = kernel.memory.tables().find_leaf(call.space(), at);
        if (slot && slot.entry->present() && (!writes || slot.entry->has(PageTableEntry::Writable))) {
            *slot.entry = slot.entry->with(PageTableEntry::Accessed |
                                           (writes ? std::uint64_t{PageTableEntry::Dirty} : 0));
            return slot.frame_of(at);
        }
        if (tries == 1) break;
        call.op.path.call(KernelFunction::PageFaultEntry);
        const auto result =
            kernel.memory.fault(call.op, call.space(), at, writes ? FaultAccess::Write : FaultAccess::Read,
                                call.task.program->stray);
        if (result.status != VirtualMemory::FaultStatus::Done) break;
        kernel.memory.count_fault(call.op, result.kind);
    }
    return no_pfn;
}

std::uint64_t copy_user(CallContext& call, UserRange& user, VirtAddr kernel, std::uint64_t bytes,
                        UserCopy way) {
    std::uint64_t done = 0;
    while (done < bytes) {
        const UserSegment piece = user.take(bytes - done);
        const Pfn frame = piece.bytes != 0 ? user_frame(call, piece.address, way) : no_pfn;
        if (frame == no_pfn) break;
        const VirtAddr mapped = kernel_layout::direct_map(address_of(frame)) + piece.address.page_offset();
        const auto count = static_cast<std::uint32_t>(piece.bytes);
        if (way == UserCopy::ToUser)
            call.op.path.copy_bytes(mapped, kernel + done, count);
        else
            call.op.path.copy_bytes(kernel + done, mapped, count);
        done += piece.bytes;
    }
    KernelCounters& counters = call.kernel.counters;
    (way == UserCopy::ToUser ? counters.copied_to_user : counters.copied_from_user) += done;
    return done;
}

std::uint64_t copy_user_on_stack(CallContext& call, UserRange& user, std::uint64_t bytes, UserCopy way) {
    const VirtAddr stack = call.op.path.path().stack - 2 * stack_piece;
    std::uint64_t done = 0;
    while (done < bytes) {
        const std::uint64_t piece = std::min(bytes - done, stack_piece);
        call.op.path.call(KernelFunction::CopyUser);
        const std::uint64_t copied = copy_user(call, user, stack, piece, way);
        done += copied;
        if (copied != piece) break;
    }
    return done;
}

} // namespace pagewalk::os
