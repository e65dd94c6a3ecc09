#include "os/page/compaction.h"
#include "tests/unit/os/page/machines.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// Keeps track of where pages are, as page tables would.
class TrackingMigrator : public PageMigrator {
public:
    explicit TrackingMigrator(PageAllocator& allocator) : m_allocator(allocator) {}

    void add(Pfn frame) {
        m_allocator.pages().at(frame).set(PageState::Lru);
        pages[frame] = next_page++;
    }
    bool isolate(Pfn frame, CompactMode, GfpMask) override {
        if (pinned.contains(frame)) return false;
        m_allocator.pages().at(frame).clear(PageState::Lru);
        return true;
    }
    void put_back(Pfn frame) override { m_allocator.pages().at(frame).set(PageState::Lru); }
    bool migrate(Pfn from, Pfn to, CompactMode) override {
        const auto page = pages.extract(from);
        EXPECT_FALSE(page.empty());
        EXPECT_FALSE(pages.contains(to)) << "moved onto a frame in use";
        pages[to] = page.mapped();
        m_allocator.pages().at(to).set(PageState::Lru);
        return true;
    }

    std::map<Pfn, int> pages;
    std::set<Pfn> pinned;
    int next_page = 0;

private:
    PageAllocator& m_allocator;
};

class CompactionOfAZone : public testing::Test {
protected:
    CompactionOfAZone()
        : m_allocator(boot_page_allocator(one_node(256 * mib))), m_migrator(*m_allocator),
          m_compaction(*m_allocator, m_migrator) {
        m_allocator->set_compactor(&m_compaction);
    }

    /// Fills memory with movable frames and frees every second one.
    void fragment() {
        std::vector<Pfn> frames;
        while (const auto frame =
                   m_allocator->allocate({.mask = gfp::highuser_movable | gfp::memalloc | gfp::noretry}))
            frames.push_back(*frame);
        for (const Pfn frame : frames)
            if (frame.value() % 2 == 0)
                ASSERT_TRUE(m_allocator->free(frame, 0, CpuId{0}).has_value());
            else
                m_migrator.add(frame);
        m_allocator->drain_all(CpuId{0});
    }
    Zone& zone() { return *m_allocator->find_zone(NodeId{0}, ZoneType::Dma32); }

    std::unique_ptr<PageAllocator> m_allocator;
    TrackingMigrator m_migrator;
    Compaction m_compaction;
};

TEST_F(CompactionOfAZone, MakesAHugePageOutOfScatteredFrames) {
    fragment();
    const std::size_t pages = m_migrator.pages.size();
    EXPECT_EQ(zone().areas[9].count + zone().areas[10].count, 0u);
    AllocTrace trace;
    const auto huge = m_allocator->allocate({.mask = gfp::transhuge, .order = 9}, &trace);
    ASSERT_TRUE(huge.has_value());
    EXPECT_TRUE(trace.entered(SlowStage::DirectCompact));
    EXPECT_EQ(m_migrator.pages.size(), pages);
    for (std::uint64_t i = 0; i < 512; ++i) EXPECT_FALSE(m_migrator.pages.contains(*huge + i));
}

TEST_F(CompactionOfAZone, LosesNoFrame) {
    fragment();
    const std::uint64_t managed = managed_frames(*m_allocator);
    m_compaction.compact_everything(CpuId{0});
    EXPECT_GT(m_compaction.counters().migrated, 1000u);
    EXPECT_EQ(free_frames(*m_allocator) + m_migrator.pages.size(), managed);
    m_allocator->drain_all(CpuId{0});
    EXPECT_EQ(listed_frames(*m_allocator) + m_migrator.pages.size(), managed);
}

TEST_F(CompactionOfAZone, MovesPagesFromTheStartToTheEnd) {
    fragment();
    m_compaction.compact_everything(CpuId{0});
    const std::uint64_t middle = (zone().start.value() + zone().end().value()) / 2;
    std::size_t low = 0;
    for (const auto& [frame, page] : m_migrator.pages)
        if (frame >= zone().start && frame.value() < middle) ++low;
    EXPECT_LT(low, m_migrator.pages.size() / 4);
}

TEST_F(CompactionOfAZone, PinnedPagesStay) {
    fragment();
    const Pfn pinned = m_migrator.pages.begin()->first;
    m_migrator.pinned.insert(pinned);
    m_compaction.compact_everything(CpuId{0});
    EXPECT_TRUE(m_migrator.pages.contains(pinned));
}

TEST_F(CompactionOfAZone, IsDeferredAfterFailures) {
    fragment();
    for (const auto& [frame, page] : m_migrator.pages) m_migrator.pinned.insert(frame);
    const ReclaimRequest request{.mask = gfp::transhuge, .order = 9, .highest = ZoneType::Movable};
    EXPECT_NE(m_compaction.compact(request, alloc::wmark_min, CompactPriority::SyncLight).result,
              CompactResult::Success);
    EXPECT_EQ(zone().compaction.defer_shift, 1u);
    EXPECT_EQ(m_compaction.compact(request, alloc::wmark_min, CompactPriority::SyncLight).result,
              CompactResult::Deferred);
}

TEST_F(CompactionOfAZone, IsSkippedWhenMemoryIsShortRatherThanFragmented) {
    while (m_allocator->allocate({.mask = gfp::highuser_movable | gfp::memalloc | gfp::noretry})) {
    }
    const ReclaimRequest request{.mask = gfp::transhuge, .order = 9, .highest = ZoneType::Movable};
    EXPECT_EQ(m_compaction.compact(request, alloc::wmark_min, CompactPriority::SyncLight).result,
              CompactResult::Skipped);
}

TEST_F(CompactionOfAZone, KcompactdWorksOnceWoken) {
    fragment();
    EXPECT_FALSE(m_compaction.kcompactd_wanted(NodeId{0}));
    m_compaction.wake_kcompactd(zone(), 9, ZoneType::Normal);
    EXPECT_TRUE(m_compaction.kcompactd_wanted(NodeId{0}));
    m_compaction.run_kcompactd(NodeId{0}, CpuId{0});
    EXPECT_GT(zone().areas[9].count + zone().areas[10].count, 0u);
    EXPECT_FALSE(m_compaction.kcompactd_wanted(NodeId{0}));
}

TEST(FragmentationIndex, TellsShortageFromFragmentation) {
    Zone zone;
    EXPECT_EQ(Compaction::fragmentation_index(zone, 9), 0);
    zone.areas[0].count = 100'000; // many single frames
    EXPECT_GT(Compaction::fragmentation_index(zone, 9), 900);
    EXPECT_EQ(Compaction::unusable_percent(zone, 9), 100u);
    zone.areas[0].count = 0;
    zone.areas[8].count = 1; // one block of half the size
    EXPECT_LT(Compaction::fragmentation_index(zone, 9), 500);
    zone.areas[9].count = 1;
    EXPECT_EQ(Compaction::fragmentation_index(zone, 9), -1000);
}

} // namespace
} // namespace pagewalk::os
