#pragma once

#include "base/address.h"
#include "base/error.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// What a user page belongs to, so that whoever moves or takes it finds its page-table entries: the anon_vma
/// or the inode, and the page's index in it (page->mapping and page->index).
struct FrameMapping {
    enum class Kind : std::uint8_t { Anonymous, File };
    Kind kind = Kind::Anonymous;
    std::uint32_t owner = 0; ///< AnonVmaId or InodeId
    std::uint64_t index = 0;
};

/// The mappings of all frames: 8 bytes each, for the 4 MiB ranges that have user pages. Valid while the frame
/// is a user page.
class FrameMappings {
public:
    void set(Pfn frame, const FrameMapping& mapping) {
        PAGEWALK_INVARIANT(mapping.index >> index_bits == 0 && mapping.owner >> owner_bits == 0);
        const std::uint64_t file = mapping.kind == FrameMapping::Kind::File ? 1 : 0;
        word(frame) =
            file << (index_bits + owner_bits) | std::uint64_t{mapping.owner} << index_bits | mapping.index;
    }
    [[nodiscard]] FrameMapping get(Pfn frame) {
        const std::uint64_t value = word(frame);
        return {value >> (index_bits + owner_bits) != 0 ? FrameMapping::Kind::File
                                                        : FrameMapping::Kind::Anonymous,
                static_cast<std::uint32_t>(value >> index_bits & ((1U << owner_bits) - 1)),
                value & ((1ULL << index_bits) - 1)};
    }

private:
    static constexpr unsigned index_bits = 36; // a 48-bit address space, a file of 256 TiB
    static constexpr unsigned owner_bits = 27;
    static constexpr unsigned chunk_shift = 10;
    using Chunk = std::array<std::uint64_t, 1U << chunk_shift>;

    std::uint64_t& word(Pfn frame) {
        const std::uint64_t chunk = frame.value() >> chunk_shift;
        if (chunk >= m_chunks.size()) m_chunks.resize(static_cast<std::size_t>(chunk) + 1);
        auto& words = m_chunks[static_cast<std::size_t>(chunk)];
        if (words == nullptr) words = std::make_unique<Chunk>();
        return (*words)[frame.value() & ((1U << chunk_shift) - 1)];
    }

    std::vector<std::unique_ptr<Chunk>> m_chunks;
};

} // namespace pagewalk::os
