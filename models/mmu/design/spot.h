#pragma once

#include "models/mmu/design/translation_designs.h"

#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct SpotStats {
    std::uint64_t predictions = 0;
    std::uint64_t right = 0;
    std::uint64_t saved_cycles = 0;
    std::uint64_t wrong_cycles = 0;

    void declare(StatGroup group) const;
};

/// Speculation on contiguity: a table says, by the instruction that misses, by how much frames lie from their
/// pages; where it has been right twice the instruction goes on with the frame that this gives, while the
/// walk verifies it. A wrong guess is flushed when the walk has ended. Source: Alverti et al., "Enhancing and
/// Exploiting Contiguity for Fast Memory Virtualization", ISCA 2020 (SpOT).
///
/// Approximation: any walk may fill the table; the paper's operating system marks entries of large contiguous
/// mappings, and walks of others do not.
class Spot final : public TranslationDesign {
public:
    explicit Spot(const DesignParts& parts);

    [[nodiscard]] std::optional<TlbEntry> find(const TlbMiss&, Cycles&) override { return std::nullopt; }
    [[nodiscard]] Cycles usable(const TlbMiss& miss, const WalkResult& result) override;
    /// A guess is never a translation: it is verified each time.
    std::uint64_t invalidate(const TlbInvalidation&) override { return 0; }
    void declare(StatGroup group) const override { m_stats.declare(group.group("spot")); }

    [[nodiscard]] const SpotStats& stats() const { return m_stats; }

private:
    struct Row {
        std::uint64_t pc = 0;
        std::uint64_t offset = 0; ///< frame less page
        std::uint64_t used = 0;
        unsigned confidence = 0;
    };
    static constexpr unsigned confident = 2; ///< of a counter of 2 bits
    [[nodiscard]] Row& row_of(VirtAddr pc);

    Cycles m_wrong_penalty;
    std::vector<Row> m_rows; ///< sets of four
    std::uint64_t m_clock = 0;
    SpotStats m_stats;
};

} // namespace pagewalk::models
