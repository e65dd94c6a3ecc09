#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/code.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// x86-64 system call numbers (Linux, arch/x86/entry/syscalls/syscall_64.tbl) and argument values.
namespace linux_abi {
inline constexpr std::uint32_t sys_mmap = 9, sys_munmap = 11, sys_brk = 12, sys_pread64 = 17,
                               sys_madvise = 28, sys_clone = 56, sys_exit = 60, sys_exit_group = 231,
                               sys_openat = 257;
inline constexpr std::uint64_t prot_read_write = 0x3, map_private_anonymous = 0x22, map_hugetlb = 0x40000,
                               madv_hugepage = 14;
/// What pthread_create passes: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID,
/// CHILD_CLEARTID.
inline constexpr std::uint64_t clone_thread = 0x3d0f00;
} // namespace linux_abi

/// Where a program puts the blocks it executes. Contract: after every execute() the program checks full() and
/// pauses with BatchFull when it is; a call of system_call() is followed by a pause with SystemCall.
class Emitter {
public:
    /// `instructions`: after how many the program should end its work; 0 = it has a natural end.
    Emitter(std::uint64_t instructions, VirtAddr code_start);

    [[nodiscard]] Code& code() { return m_code; }

    /// The next execution's reference, at the instruction-th instruction of its block.
    void load(VirtAddr address, unsigned instruction, unsigned size_log2 = 3) {
        *m_next_reference++ = MemoryReference(address, instruction, size_log2, false);
    }
    void store(VirtAddr address, unsigned instruction, unsigned size_log2 = 3) {
        *m_next_reference++ = MemoryReference(address, instruction, size_log2, true);
    }
    /// An execution with the references since the last.
    void execute(const StaticBlock& block) {
        *m_next_block++ = {&block, m_first_reference,
                           static_cast<std::uint32_t>(m_next_reference - m_first_reference),
                           block.instruction_count};
        m_first_reference = m_next_reference;
        m_instructions += block.instruction_count;
    }
    [[nodiscard]] bool full() const {
        return m_next_block >= m_blocks_enough || m_next_reference >= m_references_enough;
    }
    /// The program has run its instructions.
    [[nodiscard]] bool done() const { return m_instructions >= m_limit; }
    [[nodiscard]] std::uint64_t instructions() const { return m_instructions; }

    /// Makes the instructions of a system call where the code is.
    [[nodiscard]] const StaticBlock& syscall_site();
    /// `order`: its place among the ordered system calls of all threads, 0 = unordered.
    void system_call(const StaticBlock& site, std::uint32_t number, std::array<std::uint64_t, 6> arguments,
                     std::int64_t result, std::uint64_t order = 0);
    /// At a site of its own.
    void system_call(std::uint32_t number, std::array<std::uint64_t, 6> arguments, std::int64_t result) {
        system_call(syscall_site(), number, arguments, result);
    }
    /// mmap of anonymous memory that the kernel places at `where`; `more`: flags beside those for that.
    void map(const StaticBlock& site, VirtAddr where, std::uint64_t bytes, std::uint64_t more = 0);

    /// openat of a file to be read, which gets this descriptor.
    void open(std::string path, std::uint64_t descriptor);

    /// For the stream: what was emitted since clear().
    [[nodiscard]] std::span<const BlockExecution> blocks() const {
        return {m_blocks.data(), static_cast<std::size_t>(m_next_block - m_blocks.data())};
    }
    [[nodiscard]] const SyscallRecord& syscall() const { return m_syscall; }
    void clear();

private:
    Code m_code;
    std::uint64_t m_limit;
    std::uint64_t m_instructions = 0;
    std::vector<BlockExecution> m_blocks;
    std::vector<MemoryReference> m_references;
    BlockExecution* m_next_block = nullptr;
    MemoryReference* m_next_reference = nullptr;
    MemoryReference* m_first_reference = nullptr;
    const BlockExecution* m_blocks_enough = nullptr;
    const MemoryReference* m_references_enough = nullptr;
    SyscallRecord m_syscall;
};

} // namespace pagewalk::workloads
