#pragma once

#include "os/page/compaction.h"

namespace pagewalk::os {

/// The two scanners of one compaction run: which pages to move, and where to.
class CompactionScanners {
public:
    enum class Found : std::uint8_t { Abort, Nothing, Frames };

    CompactionScanners(Compaction& compaction, Compaction::Control& control);

    /// Collects frames in use from the next suitable pageblock.
    [[nodiscard]] Found isolate_migrate_frames();
    /// Collects free frames, as many as there are to be moved if possible, as single frames.
    void isolate_free_frames();

private:
    struct FreeBlock {
        std::uint32_t frame = 0;
        unsigned order = 0;
    };

    [[nodiscard]] std::uint64_t block_start(std::uint64_t frame) const { return frame & ~(m_block - 1); }
    [[nodiscard]] std::uint64_t block_end(std::uint64_t frame) const { return block_start(frame) + m_block; }
    [[nodiscard]] unsigned scan_limit() const;
    [[nodiscard]] bool inside_zone(std::uint64_t begin, std::uint64_t end) const;
    [[nodiscard]] bool suitable_source(std::uint64_t frame) const;
    [[nodiscard]] bool suitable_target(std::uint64_t frame) const;
    [[nodiscard]] bool skipped(std::uint64_t frame) const;
    void update_cached_migrate(std::uint64_t frame);

    [[nodiscard]] std::uint64_t find_migrate_block();
    [[nodiscard]] bool isolate_migrate_block(std::uint64_t begin, std::uint64_t end);
    void search_free_lists();
    [[nodiscard]] int next_search_order(int order);
    void isolate_around(std::uint64_t frame);
    std::uint64_t isolate_free_block(std::uint64_t& begin, std::uint64_t end, std::uint64_t stride);
    [[nodiscard]] bool take_free(std::uint32_t frame, unsigned order);
    void split_taken();
    [[nodiscard]] std::uint64_t taken_frames() const { return m_taken_frames + m_control.free_frames.size(); }

    Compaction& m_compaction;
    Compaction::Control& m_control;
    Zone& m_zone;
    PageMap& m_pages;
    Buddy& m_buddy;
    std::uint64_t m_block;
    std::vector<FreeBlock> m_taken;
    std::uint64_t m_taken_frames = 0;
};

} // namespace pagewalk::os
