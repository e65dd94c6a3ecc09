#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <sys/user.h>
#include <vector>

namespace pagewalk::workloads {

/// Memory and registers of a thread that ptrace has stopped.
class Tracee {
public:
    explicit Tracee(pid_t tid);
    ~Tracee();
    Tracee(const Tracee&) = delete;
    Tracee& operator=(const Tracee&) = delete;

    /// A text that ends in a null byte; none when it is not readable or longer than `limit` bytes.
    [[nodiscard]] std::optional<std::string> text(std::uint64_t address, std::size_t limit) const;
    /// A null-terminated array of pointers, without the null; none when it is not readable. Address 0 is
    /// empty.
    [[nodiscard]] std::optional<std::vector<std::uint64_t>> pointers(std::uint64_t address) const;
    [[nodiscard]] bool write(std::uint64_t address, std::string_view bytes) const;
    /// Whether as many bytes are readable there.
    [[nodiscard]] bool get_bytes(std::uint64_t address, std::span<std::byte> bytes) const {
        return read(address, bytes.data(), bytes.size()) == bytes.size();
    }
    /// Whether all of the object is readable there.
    template <class Object>
    [[nodiscard]] bool get(std::uint64_t address, Object& object) const {
        return read(address, &object, sizeof object) == sizeof object;
    }

    [[nodiscard]] std::optional<user_regs_struct> registers() const;
    bool set_registers(const user_regs_struct& registers) const;

private:
    [[nodiscard]] std::size_t read(std::uint64_t address, void* target, std::size_t bytes) const;

    pid_t m_tid;
    int m_memory;
};

/// Lays out strings and pointer arrays in memory that grows downwards from a stopped thread's stack pointer.
class BelowStack {
public:
    /// Source for the red zone of 128 bytes: System V ABI, AMD64 supplement, 3.2.2.
    explicit BelowStack(std::uint64_t stack_pointer) : m_next((stack_pointer - 128) & ~15ULL) {}

    /// The address the text will have.
    std::uint64_t add(std::string_view text);
    /// A null-terminated array of these pointers.
    std::uint64_t add(const std::vector<std::uint64_t>& pointers);
    [[nodiscard]] bool write_to(const Tracee& tracee) const;

private:
    std::uint64_t m_next;
    std::vector<std::pair<std::uint64_t, std::string>> m_pieces;
};

} // namespace pagewalk::workloads
