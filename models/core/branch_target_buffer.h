#pragma once

#include "base/option.h"
#include "base/time.h"
#include "contract/instruction_stream.h"
#include "models/cache/four_times.h"

#include <array>
#include <bit>
#include <cstddef>
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
        Level& nearest = m_levels[0];
        if (const std::size_t place = nearest.find(key); place != nowhere) [[likely]] {
            nearest.used[place] = ++m_uses;
            return {&nearest.entries[place], nearest.bubbles};
        }
        return find_further(key);
    }
    /// The branch was taken. `found`: what find() said of it just before.
    void update(VirtAddr address, BranchKind kind, VirtAddr target, const Found& found) {
        if (found.entry != nullptr && found.entry->target == target && found.entry->kind == kind) [[likely]]
            return;
        insert(key_of(address), {target, kind});
    }
    /// Without any level, every target is known.
    [[nodiscard]] bool present() const { return !m_levels.empty(); }
    /// Different branches may have one entry.
    [[nodiscard]] bool aliases() const { return m_offset_bits != 0; }

private:
    static constexpr std::int64_t no_key = -1;
    static constexpr std::size_t nowhere = ~std::size_t{0};

    /// The places of a set lie together, a multiple of four; those beyond its ways stay empty.
    struct Level {
        explicit Level(const BranchTargetBufferConfig::Level& config);

        [[nodiscard]] std::size_t first_of(std::uint64_t key) const { return (key & set_mask) * places; }
        [[nodiscard]] std::size_t find(std::uint64_t key) const {
            const std::size_t first = first_of(key);
            for (std::size_t i = first; i < first + places; i += 4)
                if (const unsigned same = lanes_of(load_four(&keys[i]) == static_cast<std::int64_t>(key));
                    same != 0)
                    return i + static_cast<std::size_t>(std::countr_zero(same));
            return nowhere;
        }
        /// In place of an older entry of its own, or of the set's least recently used.
        std::size_t put(std::uint64_t key, const Entry& entry, std::uint64_t use);

        std::uint64_t set_mask;
        std::size_t ways, places;
        Cycles bubbles;
        std::vector<std::int64_t> keys;
        std::vector<std::uint64_t> used; ///< number of its last use
        std::vector<Entry> entries;
    };

    [[nodiscard]] std::uint64_t key_of(VirtAddr address) const { return address.value() >> m_offset_bits; }
    [[nodiscard]] Found find_further(std::uint64_t key);
    void insert(std::uint64_t key, const Entry& entry);

    unsigned m_offset_bits;
    std::vector<Level> m_levels; ///< smallest first
    std::uint64_t m_uses = 0;
};

} // namespace pagewalk::models
