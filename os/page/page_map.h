#pragma once

#include "base/address.h"
#include "os/page/migratetype.h"
#include "os/page/page_descriptor.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// Linux 6.1: blocks of 2^0 to 2^10 frames.
inline constexpr unsigned max_order = 11;
inline constexpr std::uint64_t max_order_pages = 1ULL << (max_order - 1);

/// All page descriptors and pageblock types of a machine. Descriptors come into being 4 MiB at a time, when a
/// frame other than the first of its 4 MiB is first written, so that an idle terabyte costs 32 bytes per 4
/// MiB.
class PageMap {
public:
    /// What the frames of a 4 MiB range look like before they are touched.
    enum class Default : std::uint8_t { Absent, Reserved, Plain };

    /// `end` is the first frame number past the machine's last.
    PageMap(Pfn end, unsigned pageblock_order);

    [[nodiscard]] Pfn end() const { return m_end; }
    [[nodiscard]] unsigned pageblock_order() const { return m_pageblock_order; }
    [[nodiscard]] std::uint64_t pageblock_pages() const { return 1ULL << m_pageblock_order; }

    /// Contract: frame < end().
    [[nodiscard]] const PageDescriptor& peek(std::uint64_t frame) const {
        const Range& range = m_ranges[frame >> range_shift];
        const std::uint64_t offset = frame & (range_pages - 1);
        return offset == 0 ? range.head : range.frames[offset];
    }
    [[nodiscard]] PageDescriptor& at(std::uint64_t frame) {
        Range& range = m_ranges[frame >> range_shift];
        const std::uint64_t offset = frame & (range_pages - 1);
        if (offset == 0) return range.head;
        if (!range.materialised) materialise(range);
        return range.frames[offset];
    }
    [[nodiscard]] const PageDescriptor& peek(Pfn frame) const { return peek(frame.value()); }
    [[nodiscard]] PageDescriptor& at(Pfn frame) { return at(frame.value()); }

    /// Sets every frame of [begin, end) to `what` without materialising whole ranges.
    void fill(Pfn begin, Pfn end, Default what);

    /// Is there memory in [begin, end), reserved or not? Looks at untouched 4 MiB as a whole.
    [[nodiscard]] bool has_memory(std::uint64_t begin, std::uint64_t end) const;

    /// Zone of the frame's range, or mixed_zones where a boundary crosses it.
    [[nodiscard]] std::uint8_t zone_index(std::uint64_t frame) const {
        return m_ranges[frame >> range_shift].zone;
    }
    void set_zone_index(Pfn begin, Pfn end, std::uint8_t zone);

    [[nodiscard]] Migratetype pageblock_type(std::uint64_t frame) const {
        return static_cast<Migratetype>(m_pageblocks[frame >> m_pageblock_order] & type_mask);
    }
    [[nodiscard]] Migratetype pageblock_type(Pfn frame) const { return pageblock_type(frame.value()); }
    void set_pageblock_type(std::uint64_t frame, Migratetype type) {
        std::uint8_t& block = m_pageblocks[frame >> m_pageblock_order];
        block = static_cast<std::uint8_t>((block & ~type_mask) | static_cast<std::uint8_t>(type));
    }
    /// Compaction's hint that a scan of this pageblock found nothing.
    [[nodiscard]] bool pageblock_skip(std::uint64_t frame) const {
        return (m_pageblocks[frame >> m_pageblock_order] & skip_bit) != 0;
    }
    void set_pageblock_skip(std::uint64_t frame, bool skip) {
        std::uint8_t& block = m_pageblocks[frame >> m_pageblock_order];
        block = static_cast<std::uint8_t>(skip ? block | skip_bit : block & ~skip_bit);
    }

    /// Host bytes held by descriptors and tables.
    [[nodiscard]] std::uint64_t host_bytes() const;

    static constexpr std::uint8_t mixed_zones = 0xff;
    static constexpr std::uint8_t no_zone = 0xfe;

private:
    static constexpr unsigned range_shift = max_order - 1;
    static constexpr std::uint64_t range_pages = 1ULL << range_shift;
    static constexpr std::uint8_t type_mask = 0x7;
    static constexpr std::uint8_t skip_bit = 0x8;

    struct Range {
        PageDescriptor head; // frame 0 of the range, kept apart: often the only one that is ever touched
        PageDescriptor* frames = nullptr;
        bool materialised = false;
        std::uint8_t zone = no_zone;
    };
    using Frames = std::array<PageDescriptor, range_pages>;

    void materialise(Range& range);

    Pfn m_end;
    unsigned m_pageblock_order;
    std::array<std::unique_ptr<Frames>, 3> m_defaults; // indexed by Default
    std::vector<Range> m_ranges;
    std::vector<std::unique_ptr<Frames>> m_frames;
    std::vector<std::uint8_t> m_pageblocks;
};

} // namespace pagewalk::os
