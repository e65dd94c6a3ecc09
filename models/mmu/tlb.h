#pragma once

#include "base/address.h"
#include "base/enum_table.h"
#include "base/option.h"
#include "base/stats.h"
#include "base/time.h"
#include "contract/canonical_half.h"
#include "contract/kernel_path.h"
#include "models/mmu/replacement/tlb_replacement.h"

#include <array>
#include <bit>
#include <cstdint>
#include <emmintrin.h>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::models {

enum class PageSize : std::uint8_t { Page4K, Page2M, Page1G };
inline constexpr std::size_t page_size_count = enum_count<PageSize>;
[[nodiscard]] constexpr std::string_view name_of(PageSize size) {
    constexpr EnumNames<PageSize> names{
        {PageSize::Page4K, "4KiB"}, {PageSize::Page2M, "2MiB"}, {PageSize::Page1G, "1GiB"}};
    return names[size];
}

[[nodiscard]] constexpr unsigned shift_of(PageSize size) {
    return page_shift + 9 * static_cast<unsigned>(size);
}

struct TlbConfig {
    std::uint32_t entries = 64; ///< 0: no such TLB
    std::uint32_t ways = 4;

    void declare(OptionGroup group, const std::string& what, const std::string& source);
    /// Throws ConfigError unless entries / ways is a power of two.
    void validate(const OptionSet& options, const std::string& section) const;
};

struct TlbStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t evictions = 0;
    std::uint64_t invalidations = 0;

    void declare(StatGroup group) const;
};

/// What tells the pages that a TLB holds from each other: page number (of its size), address space, size.
/// Kernel addresses are global (no page-table isolation): they match in every address space.
class PageTag {
public:
    PageTag() = default;
    PageTag(VirtAddr address, PageSize size, std::uint16_t pcid)
        : m_raw((address.value() & 0xffffffffffffULL) >> shift_of(size) << page_bit |
                (is_upper_half(address) ? kernel_bit : std::uint64_t{pcid} << space_shift) |
                (static_cast<std::uint64_t>(size) + 1)) {}

    [[nodiscard]] bool valid() const { return m_raw != 0; }
    [[nodiscard]] std::uint64_t page() const { return m_raw >> page_bit; }
    [[nodiscard]] bool kernel() const { return (m_raw & kernel_bit) != 0; }
    [[nodiscard]] std::uint16_t pcid() const {
        return static_cast<std::uint16_t>(m_raw >> space_shift & 0xfff);
    }
    [[nodiscard]] PageSize size() const { return static_cast<PageSize>((m_raw & size_mask) - 1); }
    /// Of the same address space and size, `pages` pages on.
    [[nodiscard]] PageTag neighbour(std::uint64_t pages) const {
        PageTag other;
        other.m_raw = m_raw + (pages << page_bit);
        return other;
    }
    /// Page size and whether it is the kernel's, in one number below `kinds`.
    [[nodiscard]] std::size_t kind() const {
        return (m_raw & size_mask) | (m_raw & kernel_bit) >> (std::countr_zero(kernel_bit) - 2);
    }
    static constexpr std::size_t kinds = 8;

    bool operator==(const PageTag&) const = default;

private:
    static constexpr unsigned space_shift = 2;
    static constexpr std::uint64_t size_mask = 3;
    static constexpr std::uint64_t kernel_bit = 1ULL << 14;
    static constexpr unsigned page_bit = 15;

    std::uint64_t m_raw = 0; ///< 0 = no page
};

/// A translation as a TLB holds it.
struct TlbEntry {
    std::uint64_t frame = 0; ///< first 4 KiB frame of the page
    Cycles ready{};          ///< core cycle at which the walk that filled it was done
    PageSize size = PageSize::Page4K;
    bool writable = false;
    bool dirty = false; ///< the entry's dirty bit is known to be set: a store needs no walk
    bool executable = false;
};

/// A translation and the page that it is for.
struct TaggedTlbEntry {
    PageTag tag;
    TlbEntry entry;
};

/// A set-associative TLB with true LRU or another policy; may hold several page sizes, each indexed by its
/// own page number. A look-up tries the most recent way of its set, then searches a byte of each tag, sixteen
/// ways at a time.
class Tlb {
public:
    explicit Tlb(const TlbConfig& config, TlbReplacementKind replacement = TlbReplacementKind::Lru);
    Tlb(const Tlb&) = delete;
    Tlb& operator=(const Tlb&) = delete;

    /// The entry, made most recent; null on a miss. Counts.
    [[nodiscard]] TlbEntry* find(PageTag tag) {
        TlbEntry* const entry = probe(tag);
        m_stats.hits += entry != nullptr ? 1 : 0;
        return entry;
    }
    /// The entry where it is the most recent of its set: the fast case of find. Counts nothing.
    [[nodiscard]] TlbEntry* recent(PageTag tag) {
        Slot* const slot = m_recent[set_of(tag)];
        return slot->tag == tag ? &slot->entry : nullptr;
    }
    /// As find, counting nothing (a TLB of several sizes is probed once a size).
    [[nodiscard]] TlbEntry* probe(PageTag tag) {
        if (m_held[tag.kind()] == 0) return nullptr;
        const std::size_t set = set_of(tag);
        Slot* slot = m_recent[set];
        if (slot->tag != tag) {
            slot = search(set, tag);
            if (slot == nullptr) return nullptr;
            touch(set, slot, tag);
        }
        if (m_policy != nullptr) [[unlikely]]
            note_hit(slot);
        return &slot->entry;
    }
    /// Is the page here? Changes nothing.
    [[nodiscard]] bool contains(PageTag tag) {
        return m_held[tag.kind()] != 0 && search(set_of(tag), tag) != nullptr;
    }
    /// Takes the page's translation out.
    [[nodiscard]] std::optional<TlbEntry> take(PageTag tag);
    /// The instruction whose look-up or insertion comes next, for policies that learn by instruction.
    void note_instruction(VirtAddr pc) {
        if (m_policy != nullptr) [[unlikely]]
            m_policy->note_instruction(pc);
    }
    void count_hit() { ++m_stats.hits; }
    void count_miss() { ++m_stats.misses; }

    /// Where another translation has to leave, `evicted` (not null) is told.
    void insert(PageTag tag, const TlbEntry& entry, std::optional<TaggedTlbEntry>* evicted = nullptr);
    void insert(VirtAddr address, std::uint16_t pcid, const TlbEntry& entry) {
        insert({address, entry.size, pcid}, entry);
    }
    /// Drops what the invalidation covers. Returns the number of entries dropped.
    std::uint64_t invalidate(const TlbInvalidation& invalidation);

    [[nodiscard]] const TlbStats& stats() const { return m_stats; }
    [[nodiscard]] bool present() const { return m_ways != 0; }
    /// Is any page of this size and half of the address space here?
    [[nodiscard]] bool holds(PageSize size, VirtAddr address) const {
        return m_held[PageTag(address, size, 0).kind()] != 0;
    }

private:
    using Slot = TaggedTlbEntry;
    static constexpr std::size_t spare_slots = 16; ///< never filled: a search looks at 16 ways
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    struct alignas(16) Fingerprints {
        std::uint8_t ways[16]{};
    };

    [[nodiscard]] std::size_t set_of(PageTag tag) const { return tag.page() & m_set_mask; }
    [[nodiscard]] static std::uint8_t fingerprint(PageTag tag) {
        const std::uint64_t page = tag.page();
        return static_cast<std::uint8_t>(page ^ page >> 8 ^ page >> 16);
    }
    [[nodiscard]] Slot* search(std::size_t set, PageTag tag) {
        return m_blocks == 1 ? search_block(set, 0, tag) : search_blocks(set, tag);
    }
    [[nodiscard]] Slot* search_blocks(std::size_t set, PageTag tag);
    [[nodiscard]] Slot* search_block(std::size_t set, std::size_t block, PageTag tag) {
        const auto* bytes = reinterpret_cast<const __m128i*>(m_fingerprints[set * m_blocks + block].ways);
        const __m128i wanted = _mm_set1_epi8(static_cast<char>(fingerprint(tag)));
        auto candidates =
            static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_load_si128(bytes), wanted)));
        // Ways that a set of fewer lacks are those of the sets that follow, or the spare ones at the end.
        Slot* const first = &m_slots[set * m_stride + block * 16];
        for (; candidates != 0; candidates &= candidates - 1)
            if (Slot* const slot = first + std::countr_zero(candidates); slot->tag == tag) return slot;
        return nullptr;
    }
    [[nodiscard]] std::size_t index_of(const Slot* slot) const {
        return static_cast<std::size_t>(slot - m_slots.data());
    }
    [[nodiscard]] std::size_t victim_way(std::size_t set);
    void note_hit(const Slot* slot);
    void touch(std::size_t set, Slot* slot, PageTag tag) {
        m_used[index_of(slot)] = static_cast<std::int64_t>(++m_clock * PageTag::kinds + tag.kind());
        m_recent[set] = slot;
    }
    void drop(Slot& slot);

    std::size_t m_ways;
    std::size_t m_stride; ///< slots from a set to the next: the ways in whole fours
    std::size_t m_blocks; ///< of 16 fingerprints, in each set
    std::uint64_t m_set_mask;
    std::uint64_t m_clock = 0;
    std::array<std::uint32_t, PageTag::kinds> m_held{}; ///< entries by kind of page
    std::vector<Fingerprints> m_fingerprints;
    std::vector<Slot*> m_recent; ///< by set
    std::vector<Slot> m_slots;
    std::vector<std::int64_t>
        m_used; ///< by slot: when, times kinds, plus kind; 0 = invalid, `never` = no way
    std::unique_ptr<TlbReplacement> m_policy; ///< null: LRU
    TlbStats m_stats;
};

/// Does the invalidation cover the page?
[[nodiscard]] bool covers(const TlbInvalidation& invalidation, PageTag tag);

} // namespace pagewalk::models
