#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::workloads {

/// Event words taken out of rings that nobody reads yet, for all threads of a program: in memory up to a
/// limit, then in a file without a name in TMPDIR (or /tmp), whose space is given back as it is read.
class SpillStore {
public:
    static constexpr std::uint64_t default_memory = 256ULL << 20; ///< bytes

    explicit SpillStore(std::uint64_t memory_limit = default_memory) : m_limit(memory_limit) {}
    ~SpillStore();
    SpillStore(const SpillStore&) = delete;
    SpillStore& operator=(const SpillStore&) = delete;

    struct Piece {
        std::vector<std::uint64_t> words; ///< empty while it is in the file
        std::uint64_t offset = 0;         ///< bytes
        std::uint64_t count = 0;          ///< words
    };
    /// Errors: RunError when the file cannot be made or the disk is full.
    [[nodiscard]] Piece put(std::span<const std::uint64_t> words);
    /// Brings a piece's words to memory, where they stay until forget(). Errors: RunError.
    void load(Piece& piece);
    void forget(Piece& piece);

    [[nodiscard]] std::uint64_t bytes_in_memory() const { return m_in_memory; }
    [[nodiscard]] std::uint64_t bytes_in_file() const { return m_in_file; }

private:
    void open_file();

    std::uint64_t m_limit;
    std::uint64_t m_in_memory = 0;
    std::uint64_t m_in_file = 0;
    std::uint64_t m_end = 0; ///< of the file
    int m_fd = -1;
};

} // namespace pagewalk::workloads
