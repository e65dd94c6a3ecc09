#pragma once

#include "base/option.h"
#include "base/time.h"
#include "contract/instruction_stream.h"

#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

struct BranchTargetBufferConfig {
    struct Level {
        std::uint32_t entries = 0; ///< 0: there is no such level
        std::uint32_t ways = 1;
        Cycles bubbles{}; ///< lost by fetch when the target comes from this level
    };
    std::array<Level, 3> levels{{{128, 4, Cycles(0)}, {6144, 6, Cycles(1)}, {12288, 6, Cycles(2)}}};
    std::uint32_t offset_bits = 0; ///< low bits of an address that do not tell branches apart

    void declare(OptionGroup group);
    void validate(const OptionSet& options) const;
};

/// Where taken branches went when they were last taken, in levels that differ in size and latency; each is
/// set-associative with LRU replacement and has what the smaller ones have.
class BranchTargetBuffer {
public:
    struct Entry {
        std::uint64_t key = no_key;
        VirtAddr target{};
        BranchKind kind = BranchKind::None;
    };
    struct Found {
        const Entry* entry = nullptr; ///< null: in no level; valid until the next update()
        Cycles bubbles{};
    };

    explicit BranchTargetBuffer(const BranchTargetBufferConfig& config);

    /// Contract: present().
    [[nodiscard]] Found find(VirtAddr address) {
        const std::uint64_t key = key_of(address);
        // Most are found where the last one of their set was.
        const Entry& recent = m_levels[0].entries[first_of(m_levels[0], key)];
        if (recent.key == key) [[likely]]
            return {&recent, m_levels[0].bubbles};
        return find_further(key);
    }
    /// The branch was taken. `found`: what find() said of it just before.
    void update(VirtAddr address, BranchKind kind, VirtAddr target, const Found& found) {
        if (found.entry != nullptr && found.entry->target == target && found.entry->kind == kind) [[likely]]
            return;
        insert({key_of(address), target, kind});
    }
    /// Without any level, every target is known.
    [[nodiscard]] bool present() const { return !m_levels.empty(); }
    /// Different branches may have one entry.
    [[nodiscard]] bool aliases() const { return m_offset_bits != 0; }

private:
    static constexpr std::uint64_t no_key = ~0ULL;

    struct Level {
        std::uint64_t set_mask = 0;
        std::uint32_t ways = 1;
        Cycles bubbles{};
        std::vector<Entry> entries; ///< set by set, the most recent one first
    };

    [[nodiscard]] std::uint64_t key_of(VirtAddr address) const { return address.value() >> m_offset_bits; }
    [[nodiscard]] static std::size_t first_of(const Level& level, std::uint64_t key) {
        return (key & level.set_mask) * level.ways;
    }
    [[nodiscard]] Found find_further(std::uint64_t key);
    void insert(const Entry& entry);
    static void put(Level& level, const Entry& entry);

    unsigned m_offset_bits;
    std::vector<Level> m_levels; ///< smallest first
};

} // namespace pagewalk::models
