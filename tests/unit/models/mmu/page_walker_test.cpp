#include "models/mmu/format_memory.h"
#include "models/mmu/page_walker.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::cold_cycles;
using rig::l1_cycles;
using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;

/// A walker of its own beside the rig's MMU, on the same caches and tables.
struct PageWalkerTest : testing::Test {
    PageWalkerTest() : walker(config, CpuId{0}, rig.clock, rig.caches, rig.tables) {
        for (std::uint64_t i = 0; i < 16; ++i) rig.space.map(user + i * level_span(3), frame + i);
        context = {rig.space.root(), 1};
        walker.declare(registry.group("mmu"));
    }
    [[nodiscard]] const Histogram& histogram(std::string_view name) const {
        for (const HistogramStatistic& statistic : registry.histograms())
            if (statistic.name == name) return *statistic.histogram;
        throw std::out_of_range(std::string(name));
    }
    MmuConfig config{.walkers = 2};
    PagingRig rig;
    PageWalker walker;
    StatRegistry registry;
    TranslationContext context;
};

TEST_F(PageWalkerTest, ThirdWalkWaitsForOneOfTwoWalkers) {
    const WalkResult first = walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_EQ(first.entry.ready.value(), 1 + 4 * cold_cycles);
    (void)walker.walk(context, user + level_span(3), FaultAccess::Read, Cycles(0));
    EXPECT_EQ(walker.stats().walker_wait_cycles, 0U);
    (void)walker.walk(context, user + 2 * level_span(3), FaultAccess::Read, Cycles(0));
    EXPECT_GT(walker.stats().walker_wait_cycles, 0U);
    EXPECT_EQ(histogram("walkers_busy").max(), 2U);
    EXPECT_EQ(histogram("walkers_busy").sum(), 0U + 1 + 2);
}

TEST_F(PageWalkerTest, FirstTouchCanBeAPartOfItsWalk) {
    constexpr std::uint64_t penalty = 200, tables = 3;
    config.first_touch = Cycles(penalty);
    ChampSimFrames frames(1ULL << 13, 1);
    walker.imitate_champsim(frames);
    const VirtAddr missing = user + 20 * level_span(3);
    const WalkResult fault = walker.walk(context, missing, FaultAccess::Read, Cycles(0));
    EXPECT_TRUE(fault.faulted);
    EXPECT_EQ(fault.entry.ready.value(), 1 + 4 * cold_cycles + tables * penalty);
    const std::uint64_t references = walker.stats().walk_references;
    rig.space.map(missing, frame + 20);
    const WalkResult mapped = walker.walk(context, missing, FaultAccess::Read, Cycles(0));
    EXPECT_FALSE(mapped.faulted);
    EXPECT_EQ(mapped.entry.ready.value(), fault.entry.ready.value() + penalty);
    EXPECT_EQ(walker.stats().walk_references, references);
    // Both were one walker's work: the other is free.
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_EQ(walker.stats().walker_wait_cycles, 0U);
    // A page that is there takes no penalty again.
    const WalkResult again = walker.walk(context, missing, FaultAccess::Read, Cycles(later));
    EXPECT_LT(again.entry.ready.value(), later + penalty);
}

TEST_F(PageWalkerTest, LatencyIsToldByWhereTheLastEntryWas) {
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    const WalkResult again = walker.walk(context, user, FaultAccess::Read, Cycles(later));
    EXPECT_EQ(again.leaf, HitLevel::L1);
    EXPECT_EQ(histogram("walk_latency_memory").sum(), 1 + 4 * cold_cycles);
    EXPECT_EQ(histogram("walk_latency_l1").sum(), 1 + l1_cycles);
    EXPECT_EQ(histogram("walk_latency_llc").count(), 0U);
}

TEST_F(PageWalkerTest, WalkAheadIsNoDemandWalk) {
    const std::optional<TlbEntry> entry = walker.walk_ahead(context, user, Cycles(0));
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->frame, frame.value());
    EXPECT_EQ(entry->ready.value(), 1 + 4 * cold_cycles);
    EXPECT_EQ(walker.stats().walks, 0U);
    EXPECT_EQ(walker.stats().walk_references, 0U);
    EXPECT_EQ(walker.stats().walks_ahead, 1U);
    EXPECT_EQ(walker.stats().ahead_references, 4U);
}

TEST_F(PageWalkerTest, WalkAheadWaitsForNoWalkerAndRaisesNoFault) {
    EXPECT_FALSE(walker.walk_ahead(context, user + page_size, Cycles(0)));
    EXPECT_EQ(walker.stats().faults, 0U);
    EXPECT_EQ(walker.stats().walks_ahead_dropped, 1U);
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_FALSE(walker.walk_ahead(context, user, Cycles(1))); // both are at work
    EXPECT_EQ(walker.stats().walks_ahead_dropped, 2U);
}

TEST_F(PageWalkerTest, ReadsTheCopiesOfItsNode) {
    TableReplicas replicas;
    Pfn copy{0x9000};
    Pfn table = context.root;
    for (unsigned level = config.levels; level > 0; --level, ++copy) {
        replicas.add(table, NodeId{1}, copy);
        if (level > 1) table = rig.space.entry(user, level).frame();
    }
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    PageWalker other(config, CpuId{0}, rig.clock, rig.caches, rig.tables);
    other.use_replicas(replicas, NodeId{1});
    const WalkResult copied = other.walk(context, user, FaultAccess::Read, Cycles(later));
    EXPECT_EQ(copied.entry.frame, frame.value());
    EXPECT_EQ(copied.entry.ready.value(), later + 1 + 4 * cold_cycles); // none of the lines were read before
    PageWalker first(config, CpuId{0}, rig.clock, rig.caches, rig.tables);
    first.use_replicas(replicas, NodeId{0});
    EXPECT_EQ(first.walk(context, user, FaultAccess::Read, Cycles(2 * later)).leaf, HitLevel::L1);
}

TEST_F(PageWalkerTest, PeekReadsNothing) {
    const std::optional<TlbEntry> entry = walker.peek(context, user + 5);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->frame, frame.value());
    EXPECT_TRUE(entry->dirty);
    EXPECT_FALSE(walker.peek(context, user + page_size));
    EXPECT_EQ(rig.caches.l1d_stats().accesses, 0U);
}

TEST_F(PageWalkerTest, PeekHidesWhatNoTlbMayHold) {
    PageTableEntry& entry = rig.space.entry(user, 1);
    entry = entry.without(PageTableEntry::Accessed);
    EXPECT_FALSE(walker.peek(context, user));
}

/// A table of one page whose references a test says.
class ToldTable final : public PageTableFormat {
public:
    explicit ToldTable(PageTableEntry entry) : entry(entry) {}
    [[nodiscard]] EntryPlace find(VirtAddr address) override {
        return address.page() == user ? EntryPlace{&entry, told.found.where} : EntryPlace{};
    }
    [[nodiscard]] EntryPlace ensure(VirtAddr, TableFrames&) override { return {}; }
    [[nodiscard]] EntryPlace find_huge(VirtAddr address) override {
        const VirtAddr start(address.value() & ~(level_span(2) - 1));
        return start == huge_page ? EntryPlace{&huge, {}, 2} : EntryPlace{};
    }
    [[nodiscard]] EntryPlace ensure_huge(VirtAddr, TableFrames&) override { return {}; }
    [[nodiscard]] bool has_small(VirtAddr) override { return true; }
    [[nodiscard]] bool reserve(VirtAddr, TableFrames&) override { return true; }
    void unreserve(VirtAddr, TableFrames&) override {}
    void split(VirtAddr, TableFrames&) override {}
    [[nodiscard]] EntryPlace next(VirtAddr&, VirtAddr) override { return {}; }
    void release(VirtAddr, VirtAddr, TableFrames&) override {}
    [[nodiscard]] FormatWalk walk(VirtAddr address, WalkMemory& memory) override {
        recalled = memory.recall(7);
        FormatWalk walk = told;
        walk.found = find_huge(address);
        if (!walk.found) walk.found = find(address);
        return walk;
    }
    [[nodiscard]] std::uint64_t frames() const override { return 0; }

    static constexpr VirtAddr huge_page{0x7e0000000000};
    PageTableEntry entry;
    PageTableEntry huge{Pfn(0x40000), PageTableEntry::Present | PageTableEntry::Huge};
    FormatWalk told;
    bool recalled = false;
};

struct FormatWalks : PageWalkerTest {
    FormatWalks() {
        auto made = std::make_unique<ToldTable>(
            PageTableEntry(frame, PageTableEntry::Present | PageTableEntry::Writable));
        table = made.get();
        formats.add(rig.space.root(), std::move(made));
        walker.use_formats(formats);
    }
    /// A line that no cache has.
    PhysAddr fresh() { return PhysAddr(0x200000000 + line_size * 65 * ++lines); }
    PageTableFormats formats;
    ToldTable* table;
    std::uint64_t lines = 0;
};

TEST_F(FormatWalks, ReferencesMadeTogetherTakeAsLongAsOne) {
    table->told.add(fresh());
    table->told.add(fresh(), true);
    table->told.add(fresh(), true);
    const std::uint64_t ready = walker.walk(context, user, FaultAccess::Read, Cycles(0)).entry.ready.value();
    // The accessed bit is set once all are there; the LLC's port takes one request a cycle.
    EXPECT_GE(ready, 1 + cold_cycles);
    EXPECT_LE(ready, 1 + cold_cycles + 2 + cold_cycles);
    EXPECT_EQ(walker.stats().walk_references, 3U);
}

TEST_F(FormatWalks, OthersWaitForThoseBefore) {
    table->entry = table->entry.with(PageTableEntry::Accessed);
    table->told.add(fresh());
    table->told.add(fresh());
    const WalkResult result = walker.walk(context, user + 9, FaultAccess::Read, Cycles(0));
    EXPECT_EQ(result.entry.ready.value(), 1 + 2 * cold_cycles);
    EXPECT_EQ(result.entry.frame, frame.value());
    EXPECT_FALSE(result.entry.dirty);
}

TEST_F(FormatWalks, SetBitsAndFaultAsRadixWalksDo) {
    table->told.add(fresh());
    EXPECT_FALSE(walker.walk(context, user, FaultAccess::Write, Cycles(0)).faulted);
    EXPECT_TRUE(table->entry.has(PageTableEntry::Dirty));
    EXPECT_TRUE(table->entry.has(PageTableEntry::Accessed));
    table->entry = table->entry.without(PageTableEntry::Writable).with(PageTableEntry::NoExecute);
    EXPECT_TRUE(walker.walk(context, user, FaultAccess::Write, Cycles(later)).faulted);
    EXPECT_TRUE(walker.walk(context, user, FaultAccess::Execute, Cycles(later)).faulted);
    EXPECT_FALSE(walker.walk(context, user, FaultAccess::Read, Cycles(later)).faulted);
    EXPECT_TRUE(walker.walk(context, user + page_size, FaultAccess::Read, Cycles(later)).faulted);
    EXPECT_EQ(walker.stats().faults, 3U);
}

TEST_F(FormatWalks, FindHugePages) {
    const VirtAddr inside = ToldTable::huge_page + 5 * page_size;
    EXPECT_FALSE(walker.peek(context, inside)) << "its accessed bit is clear";
    const TlbEntry entry = walker.walk(context, inside, FaultAccess::Read, Cycles(0)).entry;
    EXPECT_EQ(entry.size, PageSize::Page2M);
    EXPECT_EQ(entry.frame, 0x40000U);
    ASSERT_TRUE(walker.peek(context, inside));
    EXPECT_EQ(walker.peek(context, inside)->size, PageSize::Page2M);
    EXPECT_EQ(walker.peek(context, inside)->frame, 0x40000U);
}

TEST_F(FormatWalks, AreForProgramsAlone) {
    constexpr VirtAddr kernel{0xffff888000000000};
    rig.space.map(kernel, frame + 5);
    EXPECT_EQ(walker.walk(context, kernel, FaultAccess::Read, Cycles(0)).entry.frame, frame.value() + 5);
    EXPECT_EQ(walker.peek(context, kernel)->frame, frame.value() + 5);
}

TEST_F(FormatWalks, KeepWhatTheyKnowUntilItsAddressSpaceChanges) {
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(0));
    EXPECT_FALSE(table->recalled);
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(later));
    EXPECT_TRUE(table->recalled);
    walker.invalidate({TlbInvalidation::Scope::Range, 2, user, user + page_size, {}});
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(2 * later));
    EXPECT_TRUE(table->recalled);
    walker.invalidate({TlbInvalidation::Scope::Range, 1, user, user + page_size, {}});
    (void)walker.walk(context, user, FaultAccess::Read, Cycles(3 * later));
    EXPECT_FALSE(table->recalled);
}

TEST(FormatMemory, ForgetsTheLeastRecentKey) {
    FormatMemory memory(2);
    memory.set_space(1);
    EXPECT_FALSE(memory.recall(10));
    EXPECT_FALSE(memory.recall(11));
    EXPECT_TRUE(memory.recall(10));
    EXPECT_FALSE(memory.recall(12)); // in 11's place
    EXPECT_TRUE(memory.recall(10));
    EXPECT_FALSE(memory.recall(11));
    memory.set_space(2);
    EXPECT_FALSE(memory.recall(11));
    FormatMemory none(0);
    EXPECT_FALSE(none.recall(1));
    EXPECT_FALSE(none.recall(1));
}

} // namespace
} // namespace pagewalk::models
