#pragma once

#include "base/address.h"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pagewalk::models {

/// The frames that ChampSim's virtual memory gives to pages and page tables: those above the first MiB in an
/// order drawn once, taken one after the other, and from the beginning again where all are taken. Source:
/// vmem.cc of ChampSim, commit 2ff25011, whose draw this is, frame by frame.
///
/// One for all CPUs of a machine.
class ChampSimFrames {
public:
    static constexpr std::uint64_t first_frame = 256;
    static constexpr std::uint64_t most_frames = 1ULL << 32;

    /// `frames`: of memory, more than `first_frame`. `seed`: ChampSim's `randomization`.
    ChampSimFrames(std::uint64_t frames, std::uint32_t seed);

    /// Where a page lies that the OS has put into `frame`: drawn when it is asked for first.
    [[nodiscard]] Pfn of_page(std::uint64_t frame);
    /// The uppermost table of the process that has its own at `root`: drawn when it is asked for first.
    [[nodiscard]] Pfn of_root(Pfn root);
    /// The table that the address's entry of `level` points to. Takes a frame, which is the table's if the
    /// entry is a new one and is lost if it is not, as in ChampSim. Contract: after of_root().
    [[nodiscard]] Pfn of_table(Pfn root, VirtAddr address, unsigned level);
    /// The same where the entry has its table: takes nothing.
    [[nodiscard]] Pfn known_table(Pfn root, VirtAddr address, unsigned level) const;
    /// How many tables there are below the uppermost.
    [[nodiscard]] std::size_t tables() const { return m_tables.size(); }

private:
    struct Root {
        std::uint64_t number = 0;
        Pfn frame{};
    };
    [[nodiscard]] Pfn take();
    [[nodiscard]] std::uint64_t key_of(Pfn root, VirtAddr address, unsigned level) const;

    std::vector<std::uint32_t> m_order;
    std::size_t m_next = 0;
    std::unordered_map<std::uint64_t, Pfn> m_pages; ///< by the OS's frame
    std::unordered_map<std::uint64_t, Root> m_roots;
    std::unordered_map<std::uint64_t, Pfn> m_tables; ///< by entry, level and process
};

} // namespace pagewalk::models
