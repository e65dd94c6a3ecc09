#include "models/mmu/design/prefetch/distance.h"
#include "models/mmu/design/prefetch/free.h"
#include "models/mmu/design/prefetch/sequential.h"
#include "models/mmu/design/prefetch/stride.h"
#include "models/mmu/design/tlb_prefetch.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using rig::PagingRig;

constexpr VirtAddr user{0x7f0000000000};
constexpr VirtAddr code{0x400000};
constexpr Pfn frame{0x80000};
constexpr std::uint64_t later = 100'000;
constexpr std::uint64_t pages = 64;

using Pages = std::vector<std::uint64_t>;

/// What a prefetcher wants after the last of these misses, as pages counted from `user`.
Pages wanted(TlbPrefetcher& prefetcher, std::initializer_list<std::uint64_t> misses, VirtAddr pc = code,
             TlbPrefetcher::ServedBy served = TlbPrefetcher::ServedBy::Walk) {
    Pages result;
    for (const std::uint64_t page : misses) {
        const WantedPages got = prefetcher.train({.address = user + page * page_size, .pc = pc}, served);
        result.clear();
        for (const std::uint64_t number : got.pages()) result.push_back(number - page_number_of(user));
    }
    return result;
}

TEST(SequentialTlbPrefetcher, WantsThePagesThatFollow) {
    SequentialTlbPrefetcher next({.degree = 3});
    EXPECT_EQ(wanted(next, {10}), (Pages{11, 12, 13}));
}

TEST(StrideTlbPrefetcher, WantsWhatAnInstructionsStrideHasComeToTwice) {
    StrideTlbPrefetcher stride({.degree = 2});
    EXPECT_EQ(wanted(stride, {0, 3}), Pages{});
    EXPECT_EQ(wanted(stride, {6}), (Pages{9, 12}));
    EXPECT_EQ(wanted(stride, {7}), Pages{});
    EXPECT_EQ(wanted(stride, {20, 18, 16}), (Pages{14, 12})); // downwards
    // Another instruction has a stride of its own.
    EXPECT_EQ(wanted(stride, {30, 31}, code + 8), Pages{});
    EXPECT_EQ(wanted(stride, {14}), (Pages{12, 10}));
}

TEST(StrideTlbPrefetcher, DoesNotWantThePageItself) {
    StrideTlbPrefetcher stride({});
    EXPECT_EQ(wanted(stride, {5, 5, 5}), Pages{});
}

TEST(DistanceTlbPrefetcher, WantsTheTwoDistancesThatFollowedThisOne) {
    DistanceTlbPrefetcher distance({});
    EXPECT_EQ(wanted(distance, {0, 1, 6}), Pages{});
    EXPECT_EQ(wanted(distance, {7}), Pages{7 + 5});
    EXPECT_EQ(wanted(distance, {10, 11}), (Pages{11 + 3, 11 + 5})); // 3 has followed last
}

TEST(FreeTlbPrefetcher, WantsDistancesAtWhichFreeEntriesHaveBeenUseful) {
    FreeTlbPrefetcher free({});
    EXPECT_EQ(free.source(), TlbPrefetcher::Source::SameLine);
    // The second page of each line follows the first.
    for (std::uint64_t line = 0; line < 99; ++line) {
        EXPECT_EQ(wanted(free, {line * 8}), Pages{}) << line;
        (void)wanted(free, {line * 8 + 1}, code, TlbPrefetcher::ServedBy::Buffer);
    }
    (void)wanted(free, {99 * 8, 99 * 8 + 1});
    EXPECT_EQ(wanted(free, {800}), Pages{801});
    EXPECT_EQ(wanted(free, {807}), Pages{}); // the next page lies in another line
    EXPECT_EQ(wanted(free, {816}, code, TlbPrefetcher::ServedBy::Buffer), Pages{}); // no line was read
}

struct TlbPrefetchTest : testing::Test {
    explicit TlbPrefetchTest(TranslationDesignKind kind = TranslationDesignKind::SequentialPrefetch)
        : rig(config(kind)) {
        for (std::uint64_t i = 0; i < pages; ++i) rig.space.map(user + i * page_size, frame + i);
        StatRegistry registry;
        rig.mmu.declare(registry.group("mmu"));
        m_registry = registry;
    }
    static MmuConfig config(TranslationDesignKind kind) {
        MmuConfig config;
        config.design.kind = kind;
        config.design.prefetch.latency = Cycles(2);
        return config;
    }
    Translation load(std::uint64_t page, std::uint64_t wait = later) {
        now += wait;
        return rig.mmu.translate_load(user + page * page_size, Cycles(now), code);
    }
    [[nodiscard]] std::uint64_t value(const char* name) const {
        return *m_registry.counters()[m_registry.find("mmu/tlb_prefetch", name)].value;
    }
    PagingRig rig;
    StatRegistry m_registry;
    std::uint64_t now = 0;
};

TEST_F(TlbPrefetchTest, NextPagesNeedNoWalk) {
    (void)load(0);
    const Translation next = load(1);
    EXPECT_EQ(next.address, address_of(frame + 1));
    EXPECT_EQ(next.ready.value(), now + 7 + 2);
    (void)load(2); // wanted after the buffer served 1
    EXPECT_EQ(rig.mmu.walker().stats().walks, 1U);
    EXPECT_EQ(rig.mmu.walker().stats().walks_ahead, 3U);
    EXPECT_EQ(value("prefetches"), 3U);
    EXPECT_EQ(value("useful"), 2U);
    EXPECT_EQ(value("late"), 0U);
}

TEST_F(TlbPrefetchTest, WantedTooEarlyWaitsForTheWalk) {
    const std::uint64_t walked = load(7).ready.value();
    // Page 8's entry lies in the next line: its walk, once the first has ended, goes to memory.
    const std::uint64_t ready = walked + 1 + rig::cold_cycles;
    now = walked;
    EXPECT_EQ(load(8, 0).ready.value(), ready);
    EXPECT_EQ(value("late"), 1U);
}

TEST_F(TlbPrefetchTest, PageThatIsNotMappedFaultsNot) {
    (void)load(pages - 1);
    EXPECT_EQ(value("not_mapped"), 1U);
    EXPECT_EQ(value("prefetches"), 0U);
    EXPECT_EQ(rig.mmu.walker().stats().faults, 0U);
    EXPECT_TRUE(load(pages).faulted());
}

TEST_F(TlbPrefetchTest, DoesNotBringWhatIsThere) {
    (void)load(1);
    const std::uint64_t before = rig.mmu.walker().stats().walks_ahead;
    (void)load(0); // 1 is in the second level
    EXPECT_EQ(rig.mmu.walker().stats().walks_ahead, before);
}

TEST_F(TlbPrefetchTest, InvalidationReachesTheBuffer) {
    (void)load(0);
    rig.space.entry(user + page_size, 1) = PageTableEntry();
    rig.mmu.invalidate({TlbInvalidation::Scope::Range, 1, user + page_size, user + 2 * page_size, {}});
    EXPECT_TRUE(load(1).faulted());
}

struct FreePrefetchTest : TlbPrefetchTest {
    FreePrefetchTest() : TlbPrefetchTest(TranslationDesignKind::FreePrefetch) {}
};

TEST_F(FreePrefetchTest, EntriesOfALineCostNoReference) {
    // Forget the TLBs, so that the same lines can be walked again and again.
    for (int round = 0; round < 200; ++round) {
        for (const std::uint64_t page : {0, 1}) (void)load(page);
        rig.mmu.invalidate({.scope = TlbInvalidation::Scope::All});
    }
    const WalkerStats before = rig.mmu.walker().stats();
    (void)load(0);
    (void)load(1);
    EXPECT_EQ(rig.mmu.walker().stats().walks, before.walks + 1);
    EXPECT_EQ(rig.mmu.walker().stats().ahead_references, 0U);
    EXPECT_GT(value("useful"), 90U);
}

} // namespace
} // namespace pagewalk::models
