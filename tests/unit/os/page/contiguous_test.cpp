#include "os/page/contiguous.h"
#include "tests/unit/os/page/machines.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class MovingMigrator : public PageMigrator {
public:
    bool isolate(Pfn frame, CompactMode, GfpMask) override { return !pinned.contains(frame); }
    void put_back(Pfn) override {}
    bool migrate(Pfn from, Pfn to, CompactMode) override {
        moves.emplace_back(from, to);
        return true;
    }

    std::set<Pfn> pinned;
    std::vector<std::pair<Pfn, Pfn>> moves;
};

class ContiguousRanges : public testing::Test {
protected:
    ContiguousRanges()
        : m_allocator(boot_page_allocator(one_node(256 * mib))), m_contiguous(*m_allocator, m_migrator) {}

    Pfn use(Pfn frame) {
        m_allocator->pages().at(frame).set(PageState::Lru);
        return frame;
    }

    MovingMigrator m_migrator;
    std::unique_ptr<PageAllocator> m_allocator;
    ContiguousAllocator m_contiguous;
};

TEST_F(ContiguousRanges, TakesExactlyTheRangeAndGivesItBack) {
    const std::uint64_t before = free_frames(*m_allocator);
    const Pfn begin = pfn_of(PhysAddr(101 * mib)) + 3;
    ASSERT_TRUE(m_contiguous.allocate_range(begin, begin + 1000, Migratetype::Movable, CpuId{0}).has_value());
    EXPECT_EQ(free_frames(*m_allocator), before - 1000);
    EXPECT_EQ(listed_frames(*m_allocator), before - 1000);
    EXPECT_EQ(m_allocator->pages().pageblock_type(begin), Migratetype::Movable);
    for (const auto& zone : m_allocator->zones()) EXPECT_EQ(zone->isolated_pageblocks, 0u);
    m_contiguous.free(begin, 1000, CpuId{0});
    m_allocator->drain_all(CpuId{0});
    EXPECT_EQ(listed_frames(*m_allocator), before);
}

TEST_F(ContiguousRanges, MovesWhatIsInTheWay) {
    const Pfn in_the_way = use(*m_allocator->allocate({.mask = gfp::highuser_movable}));
    const Pfn begin(in_the_way.value() / 512 * 512);
    ASSERT_TRUE(m_contiguous.allocate_range(begin, begin + 512, Migratetype::Movable, CpuId{0}).has_value());
    ASSERT_EQ(m_migrator.moves.size(), 1u);
    EXPECT_EQ(m_migrator.moves[0].first, in_the_way);
    EXPECT_TRUE(m_migrator.moves[0].second < begin || m_migrator.moves[0].second >= begin + 512);
}

TEST_F(ContiguousRanges, LeavesEverythingAsItWasWhenAPageCannotBeMoved) {
    const Pfn pinned = use(*m_allocator->allocate({.mask = gfp::highuser_movable}));
    m_migrator.pinned.insert(pinned);
    const std::uint64_t before = free_frames(*m_allocator);
    const Pfn begin(pinned.value() / 512 * 512);
    EXPECT_EQ(m_contiguous.allocate_range(begin, begin + 512, Migratetype::Movable, CpuId{0}).error(),
              ContigError::Busy);
    EXPECT_EQ(free_frames(*m_allocator), before);
    EXPECT_EQ(m_allocator->pages().pageblock_type(begin), Migratetype::Movable);
    const Pfn kernel = *m_allocator->allocate({.mask = gfp::kernel});
    const Pfn block(kernel.value() / 512 * 512);
    EXPECT_EQ(m_contiguous.allocate_range(block, block + 512, Migratetype::Movable, CpuId{0}).error(),
              ContigError::Unmovable);
}

TEST_F(ContiguousRanges, FindsAGiganticRange) {
    const auto begin = m_contiguous.allocate({.mask = gfp::kernel}, 64 * mib / page_size);
    ASSERT_TRUE(begin.has_value());
    EXPECT_EQ(begin->value() % (64 * mib / page_size), 0u);
    EXPECT_EQ(m_contiguous.allocate({.mask = gfp::kernel}, gib / page_size).error(), ContigError::NoMemory);
}

TEST_F(ContiguousRanges, RangesOutsideAZoneAreRefused) {
    EXPECT_EQ(m_contiguous.allocate_range(Pfn(10), Pfn(10), Migratetype::Movable, CpuId{0}).error(),
              ContigError::BadRange);
    EXPECT_EQ(m_contiguous.allocate_range(Pfn(4000), Pfn(5000), Migratetype::Movable, CpuId{0}).error(),
              ContigError::BadRange);
}

TEST(CmaMemory, ServesMovableRequestsOnly) {
    MemoryMap map = one_node(256 * mib);
    map.reserved.push_back({PhysAddr(128 * mib), PhysAddr(192 * mib)});
    const auto allocator = boot_page_allocator(map);
    MovingMigrator migrator;
    ContiguousAllocator contiguous(*allocator, migrator);
    contiguous.release_as_cma(pfn_of(PhysAddr(128 * mib)), 64 * mib / page_size, CpuId{0});
    allocator->drain_all(CpuId{0});
    const auto in_cma = [](Pfn frame) {
        return frame >= pfn_of(PhysAddr(128 * mib)) && frame < pfn_of(PhysAddr(192 * mib));
    };
    std::uint64_t movable_in_cma = 0;
    while (const auto frame = allocator->allocate({.mask = gfp::nowait, .order = 4}))
        EXPECT_FALSE(in_cma(*frame));
    while (const auto frame = allocator->allocate({.mask = gfp::highuser_movable | gfp::noretry, .order = 4}))
        movable_in_cma += in_cma(*frame) ? 1 : 0;
    EXPECT_GT(movable_in_cma, 500u);
}

} // namespace
} // namespace pagewalk::os
