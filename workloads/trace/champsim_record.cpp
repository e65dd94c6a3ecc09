#include "workloads/trace/champsim_record.h"

#include <algorithm>

namespace pagewalk::workloads {

BranchKind branch_kind(const ChampSimRecord& record) {
    const auto reads = [&](std::uint8_t reg) {
        return std::ranges::count(record.source_registers, reg) != 0;
    };
    const auto writes = [&](std::uint8_t reg) {
        return std::ranges::count(record.destination_registers, reg) != 0;
    };
    if (!writes(champsim_instruction_pointer)) return BranchKind::None;

    const bool reads_ip = reads(champsim_instruction_pointer);
    const bool reads_sp = reads(champsim_stack_pointer);
    const bool writes_sp = writes(champsim_stack_pointer);
    const bool reads_flags = reads(champsim_flags);
    const bool reads_other = std::ranges::any_of(record.source_registers, [](std::uint8_t reg) {
        return reg != 0 && reg != champsim_instruction_pointer && reg != champsim_stack_pointer &&
               reg != champsim_flags;
    });

    if (reads_sp && writes_sp) {
        if (!reads_ip) return BranchKind::Return;
        if (reads_flags) return BranchKind::IndirectJump;
        return reads_other ? BranchKind::IndirectCall : BranchKind::DirectCall;
    }
    if (reads_sp) return BranchKind::IndirectJump;
    if (reads_ip && !writes_sp && (reads_flags || reads_other)) return BranchKind::Conditional;
    if (!reads_flags && !reads_other) return BranchKind::DirectJump;
    return BranchKind::IndirectJump;
}

const char* why_absurd(const ChampSimRecord& record) {
    if (record.is_branch > 1) return "is_branch is neither 0 nor 1";
    if (record.branch_taken > 1) return "branch_taken is neither 0 nor 1";
    if (record.ip == 0) return "the instruction's address is 0";
    // 57 bits: five-level paging.
    const auto sign_extended = static_cast<std::int64_t>(record.ip << 7) >> 7;
    if (static_cast<std::uint64_t>(sign_extended) != record.ip)
        return "the instruction's address is not canonical";
    return nullptr;
}

} // namespace pagewalk::workloads
