#include "workloads/synthetic/emitter.h"

#include <utility>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t blocks_per_batch = 256;
constexpr std::size_t references_per_batch = 1024;
/// Room for what a program emits between two checks of full().
constexpr std::size_t slack = 256;

} // namespace

Emitter::Emitter(std::uint64_t instructions, VirtAddr code_start)
    : m_code(code_start), m_limit(instructions == 0 ? ~0ULL : instructions),
      m_blocks(blocks_per_batch + slack), m_references(references_per_batch + slack),
      m_blocks_enough(m_blocks.data() + blocks_per_batch),
      m_references_enough(m_references.data() + references_per_batch) {
    clear();
}

void Emitter::clear() {
    m_next_block = m_blocks.data();
    m_next_reference = m_first_reference = m_references.data();
}

const StaticBlock& Emitter::syscall_site() {
    const StaticBlock& site = m_code.block();
    m_code.syscall();
    return site;
}

void Emitter::system_call(const StaticBlock& site, std::uint32_t number,
                          std::array<std::uint64_t, 6> arguments, std::int64_t result, std::uint64_t order) {
    execute(site);
    m_syscall = SyscallRecord{number, arguments, result, order, 0, {}};
}

void Emitter::map(const StaticBlock& site, VirtAddr where, std::uint64_t bytes, std::uint64_t more) {
    system_call(site, linux_abi::sys_mmap,
                {0, bytes, linux_abi::prot_read_write, linux_abi::map_private_anonymous | more, ~0ULL, 0},
                static_cast<std::int64_t>(where.value()));
}

void Emitter::open(std::string path, std::uint64_t descriptor) {
    constexpr std::uint64_t here = static_cast<std::uint64_t>(-100); // AT_FDCWD
    system_call(linux_abi::sys_openat, {here, 0, 0, 0, 0, 0}, static_cast<std::int64_t>(descriptor));
    m_syscall.path = std::move(path);
}

} // namespace pagewalk::workloads
