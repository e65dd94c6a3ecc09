#pragma once

#include "contract/kernel_path.h"

#include <algorithm>
#include <cstdint>

namespace pagewalk::models {

inline constexpr std::uint64_t kernel_instruction_bytes = 4;
inline constexpr std::uint32_t instructions_a_line = line_size / kernel_instruction_bytes;

/// Spreads some of a function's instructions evenly over its lines of text.
class TextShare {
public:
    /// `lines` have had theirs already.
    TextShare(std::uint32_t part, std::uint32_t whole, std::uint64_t lines)
        : m_part(part), m_whole(whole), m_line_whole(part * instructions_a_line / whole),
          m_line_rest(part * instructions_a_line % whole),
          m_rest(lines == 0 ? 0 : static_cast<std::uint32_t>(lines * m_line_rest % whole)) {}

    /// How many are among the next `count` instructions, a line's at most.
    [[nodiscard]] std::uint32_t of(std::uint32_t count) {
        if (count != instructions_a_line) [[unlikely]]
            return (m_rest + m_part * count) / m_whole; // the last line
        m_rest += m_line_rest;
        const std::uint32_t carry = m_rest >= m_whole ? 1 : 0;
        m_rest -= carry * m_whole;
        return m_line_whole + carry;
    }

    /// Of some whole lines.
    struct OfLines {
        std::uint32_t instructions = 0;
        std::uint32_t lines = 0; ///< that have any
    };
    [[nodiscard]] OfLines of_lines(std::uint32_t lines) {
        m_rest += lines * m_line_rest;
        const std::uint32_t carries = m_rest / m_whole;
        m_rest -= carries * m_whole;
        return {lines * m_line_whole + carries, m_line_whole != 0 ? lines : carries};
    }
    /// No line has more.
    [[nodiscard]] std::uint32_t most_of_a_line() const { return m_line_whole + 1; }

private:
    std::uint32_t m_part, m_whole;
    std::uint32_t m_line_whole, m_line_rest;
    std::uint32_t m_rest;
};

/// Consecutive lines of a function's text, executed as one. A line's first load and first store depend on
/// nothing; its other instructions are one chain with those of the lines before.
struct TextRun {
    static constexpr std::uint32_t most_lines = 8;

    std::uint32_t instructions = 0;
    std::uint32_t free_loads = 0, free_stores = 0;
    std::uint32_t chain_loads = 0, chain_stores = 0;

    [[nodiscard]] std::uint32_t chain() const { return instructions - free_loads - free_stores; }
    /// A line's instructions; of these so many loads and stores.
    void add(std::uint32_t count, std::uint32_t loads, std::uint32_t stores) {
        const std::uint32_t free_load = std::min(loads, 1U);
        const std::uint32_t free_store = std::min(stores, count > free_load ? 1U : 0U);
        instructions += count;
        free_loads += free_load;
        free_stores += free_store;
        chain_loads += std::min(loads - free_load, count - free_load - free_store);
        chain_stores += stores - free_store;
    }
    /// The same for so many whole lines.
    void add_lines(std::uint32_t lines, TextShare& loads, TextShare& stores) {
        if (loads.most_of_a_line() + 1 >= instructions_a_line) [[unlikely]] {
            for (; lines != 0; --lines)
                add(instructions_a_line, loads.of(instructions_a_line), stores.of(instructions_a_line));
            return;
        }
        const TextShare::OfLines load = loads.of_lines(lines), store = stores.of_lines(lines);
        instructions += lines * instructions_a_line;
        free_loads += load.lines;
        free_stores += store.lines;
        chain_loads += load.instructions - load.lines;
        chain_stores += store.instructions - store.lines;
    }
};

} // namespace pagewalk::models
