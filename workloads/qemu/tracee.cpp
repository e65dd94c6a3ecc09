#include "workloads/qemu/tracee.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t page_bytes = 4096;
constexpr std::size_t most_pointers =
    1U << 20; // Linux allows 2^31; what fits a quarter of an 8 MiB stack is less

} // namespace

Tracee::Tracee(pid_t tid)
    : m_tid(tid), m_memory(open(("/proc/" + std::to_string(tid) + "/mem").c_str(), O_RDWR | O_CLOEXEC)) {}

Tracee::~Tracee() {
    if (m_memory >= 0) close(m_memory);
}

std::size_t Tracee::read(std::uint64_t address, void* target, std::size_t bytes) const {
    const ssize_t got = pread(m_memory, target, bytes, static_cast<off_t>(address));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
}

std::optional<std::string> Tracee::text(std::uint64_t address, std::size_t limit) const {
    std::string text;
    std::array<char, page_bytes> buffer{};
    while (text.size() <= limit) {
        // To the end of the page: the next one may not be there.
        const std::size_t here = page_bytes - (address + text.size()) % page_bytes;
        const std::size_t got = read(address + text.size(), buffer.data(), here);
        if (got == 0) return std::nullopt;
        const auto end = std::find(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got), '\0');
        text.append(buffer.begin(), end);
        if (end != buffer.begin() + static_cast<std::ptrdiff_t>(got)) break;
    }
    if (text.size() > limit) return std::nullopt;
    return text;
}

std::optional<std::vector<std::uint64_t>> Tracee::pointers(std::uint64_t address) const {
    std::vector<std::uint64_t> pointers;
    if (address == 0) return pointers;
    while (pointers.size() < most_pointers) {
        std::uint64_t pointer = 0;
        if (read(address + pointers.size() * sizeof pointer, &pointer, sizeof pointer) != sizeof pointer)
            return std::nullopt;
        if (pointer == 0) return pointers;
        pointers.push_back(pointer);
    }
    return std::nullopt;
}

bool Tracee::write(std::uint64_t address, std::string_view bytes) const {
    return pwrite(m_memory, bytes.data(), bytes.size(), static_cast<off_t>(address)) ==
           static_cast<ssize_t>(bytes.size());
}

std::optional<user_regs_struct> Tracee::registers() const {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, m_tid, nullptr, &registers) != 0) return std::nullopt;
    return registers;
}

bool Tracee::set_registers(const user_regs_struct& registers) const {
    user_regs_struct copy = registers;
    return ptrace(PTRACE_SETREGS, m_tid, nullptr, &copy) == 0;
}

std::uint64_t BelowStack::add(std::string_view text) {
    m_next -= text.size() + 1;
    m_pieces.emplace_back(m_next, std::string(text) + '\0');
    return m_next;
}

std::uint64_t BelowStack::add(const std::vector<std::uint64_t>& pointers) {
    std::string bytes((pointers.size() + 1) * sizeof(std::uint64_t), '\0');
    std::memcpy(bytes.data(), pointers.data(), pointers.size() * sizeof(std::uint64_t));
    m_next = (m_next - bytes.size()) & ~15ULL;
    m_pieces.emplace_back(m_next, std::move(bytes));
    return m_next;
}

bool BelowStack::write_to(const Tracee& tracee) const {
    return std::ranges::all_of(m_pieces,
                               [&](const auto& piece) { return tracee.write(piece.first, piece.second); });
}

} // namespace pagewalk::workloads
