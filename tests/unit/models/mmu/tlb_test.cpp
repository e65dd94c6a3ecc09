#include "base/rng.h"
#include "models/mmu/tlb.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr user{0x7f0000000000};
constexpr VirtAddr kernel{0xffff888000000000};
constexpr std::uint64_t huge = 2 << 20;
constexpr std::uint64_t gigabyte = 1 << 30;

TlbEntry page(std::uint64_t frame, PageSize size = PageSize::Page4K) {
    return {.frame = frame, .ready = {}, .size = size, .writable = true, .dirty = true};
}
TlbInvalidation range(VirtAddr start, std::uint64_t bytes, std::uint16_t pcid) {
    return {TlbInvalidation::Scope::Range, pcid, start, start + bytes, {}};
}

TEST(Tlb, FindsWhatWasInserted) {
    Tlb tlb({64, 4});
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
    tlb.insert(user, 1, page(7));
    const TlbEntry* entry = tlb.find({user + 0xfff, PageSize::Page4K, 1});
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->frame, 7U);
    EXPECT_EQ(tlb.find({user + page_size, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.stats().hits, 1U);
}

TEST(Tlb, EvictsTheLeastRecentlyUsedOfItsSet) {
    Tlb tlb({8, 2}); // 4 sets: pages 4 apart meet
    const VirtAddr a = user, b = user + 4 * page_size, c = user + 8 * page_size;
    tlb.insert(a, 1, page(1));
    tlb.insert(b, 1, page(2));
    EXPECT_NE(tlb.find({a, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.stats().evictions, 0U);
    tlb.insert(c, 1, page(3));
    EXPECT_EQ(tlb.stats().evictions, 1U);
    EXPECT_NE(tlb.find({a, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.find({b, PageSize::Page4K, 1}), nullptr);
    EXPECT_NE(tlb.find({c, PageSize::Page4K, 1}), nullptr);
}

TEST(Tlb, NeighbouringPagesDoNotCompeteForASet) {
    Tlb tlb({4, 1});
    for (std::uint64_t i = 0; i < 4; ++i) tlb.insert(user + i * page_size, 1, page(i));
    for (std::uint64_t i = 0; i < 4; ++i)
        EXPECT_NE(tlb.find({user + i * page_size, PageSize::Page4K, 1}), nullptr) << i;
}

TEST(Tlb, ReinsertionReplacesTheSamePageWithoutEviction) {
    Tlb tlb({8, 2});
    tlb.insert(user, 1, page(1));
    tlb.insert(user + 4 * page_size, 1, page(2));
    tlb.insert(user, 1, page(9));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1})->frame, 9U);
    EXPECT_NE(tlb.find({user + 4 * page_size, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.stats().evictions, 0U);
}

TEST(Tlb, PageSizesOfOneAddressAreDistinct) {
    Tlb tlb({64, 4});
    tlb.insert(user, 1, page(512, PageSize::Page2M));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.find({user, PageSize::Page1G, 1}), nullptr);
    EXPECT_NE(tlb.find({user + huge - 1, PageSize::Page2M, 1}), nullptr);
    EXPECT_EQ(tlb.find({user + huge, PageSize::Page2M, 1}), nullptr);
    tlb.insert(user, 1, page(1 << 18, PageSize::Page1G));
    EXPECT_NE(tlb.find({user + gigabyte - 1, PageSize::Page1G, 1}), nullptr);
}

TEST(Tlb, AddressSpacesDoNotSeeEachOthersUserPages) {
    Tlb tlb({64, 4});
    tlb.insert(user, 1, page(1));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 2}), nullptr);
    tlb.insert(user, 2, page(2));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1})->frame, 1U);
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 2})->frame, 2U);
}

TEST(Tlb, KernelPagesMatchInEveryAddressSpace) {
    Tlb tlb({64, 4});
    tlb.insert(kernel, 1, page(5));
    ASSERT_NE(tlb.find({kernel, PageSize::Page4K, 2}), nullptr);
    EXPECT_EQ(tlb.find({kernel, PageSize::Page4K, 2})->frame, 5U);
}

TEST(Tlb, RangeInvalidationDropsPagesInsideAndKeepsBothNeighbours) {
    // 16 sets and 3 pages: by look-up of the sets; 1 set: by a scan of all entries.
    for (const TlbConfig config : {TlbConfig{64, 4}, TlbConfig{16, 16}}) {
        Tlb tlb(config);
        for (std::uint64_t i = 0; i < 5; ++i) tlb.insert(user + i * page_size, 1, page(i));
        EXPECT_EQ(tlb.invalidate(range(user + page_size, 3 * page_size, 1)), 3U);
        for (std::uint64_t i = 0; i < 5; ++i)
            EXPECT_EQ(tlb.find({user + i * page_size, PageSize::Page4K, 1}) != nullptr, i == 0 || i == 4)
                << i << " of " << config.ways << " ways";
        EXPECT_EQ(tlb.stats().invalidations, 3U);
    }
}

TEST(Tlb, RangeInvalidationOfASmallPageDropsTheHugePageAroundIt) {
    for (const TlbConfig config : {TlbConfig{64, 4}, TlbConfig{16, 16}}) {
        Tlb tlb(config);
        tlb.insert(user, 1, page(512, PageSize::Page2M));
        tlb.insert(user + huge, 1, page(1024, PageSize::Page2M));
        EXPECT_EQ(tlb.invalidate(range(user + 17 * page_size, page_size, 1)), 1U);
        EXPECT_EQ(tlb.find({user, PageSize::Page2M, 1}), nullptr);
        EXPECT_NE(tlb.find({user + huge, PageSize::Page2M, 1}), nullptr);
    }
}

TEST(Tlb, RangeInvalidationLeavesOtherAddressSpacesAndTheKernel) {
    for (const TlbConfig config : {TlbConfig{64, 4}, TlbConfig{16, 16}}) {
        Tlb tlb(config);
        tlb.insert(user, 1, page(1));
        tlb.insert(user, 2, page(2));
        tlb.insert(kernel, 1, page(3));
        EXPECT_EQ(tlb.invalidate(range(user, page_size, 1)), 1U);
        EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
        EXPECT_NE(tlb.find({user, PageSize::Page4K, 2}), nullptr);
        EXPECT_NE(tlb.find({kernel, PageSize::Page4K, 2}), nullptr);
    }
}

TEST(Tlb, KernelRangeInvalidationIgnoresTheAddressSpace) {
    for (const TlbConfig config : {TlbConfig{64, 4}, TlbConfig{16, 16}}) {
        Tlb tlb(config);
        tlb.insert(kernel, 1, page(3));
        tlb.insert(kernel + page_size, 1, page(4));
        EXPECT_EQ(tlb.invalidate(range(kernel, page_size, 9)), 1U);
        EXPECT_EQ(tlb.find({kernel, PageSize::Page4K, 1}), nullptr);
        EXPECT_NE(tlb.find({kernel + page_size, PageSize::Page4K, 1}), nullptr);
    }
}

TEST(Tlb, AddressSpaceInvalidationKeepsGlobalEntries) {
    Tlb tlb({64, 4});
    tlb.insert(user, 1, page(1));
    tlb.insert(user + huge, 1, page(512, PageSize::Page2M));
    tlb.insert(user, 2, page(2));
    tlb.insert(kernel, 1, page(3));
    EXPECT_EQ(tlb.invalidate({TlbInvalidation::Scope::AddressSpace, 1, {}, {}, {}}), 2U);
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
    EXPECT_NE(tlb.find({user, PageSize::Page4K, 2}), nullptr);
    EXPECT_NE(tlb.find({kernel, PageSize::Page4K, 1}), nullptr);
}

TEST(Tlb, FullInvalidationDropsGlobalEntriesToo) {
    Tlb tlb({64, 4});
    tlb.insert(user, 1, page(1));
    tlb.insert(user, 2, page(2));
    tlb.insert(kernel, 1, page(3));
    EXPECT_EQ(tlb.invalidate({TlbInvalidation::Scope::All, 0, {}, {}, {}}), 3U);
    EXPECT_EQ(tlb.find({kernel, PageSize::Page4K, 1}), nullptr);
}

TEST(Tlb, DroppedEntryIsReusedBeforeALiveOneIsEvicted) {
    Tlb tlb({2, 2});
    tlb.insert(user, 1, page(1));
    tlb.insert(user + page_size, 1, page(2));
    tlb.invalidate(range(user + page_size, page_size, 1));
    tlb.insert(user + 2 * page_size, 1, page(3));
    EXPECT_EQ(tlb.stats().evictions, 0U);
    EXPECT_NE(tlb.find({user, PageSize::Page4K, 1}), nullptr);
}

TEST(Tlb, WithoutEntriesNeverHits) {
    Tlb tlb({0, 4});
    EXPECT_FALSE(tlb.present());
    tlb.insert(user, 1, page(1));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.invalidate({TlbInvalidation::Scope::All, 0, {}, {}, {}}), 0U);
}

TEST(TlbConfig, RefusesSetsThatAreNoPowerOfTwo) {
    const OptionSet options;
    EXPECT_NO_THROW((TlbConfig{1536, 12}.validate(options, "mmu.l2_tlb")));
    EXPECT_NO_THROW((TlbConfig{0, 12}.validate(options, "mmu.l2_tlb")));
    EXPECT_THROW((TlbConfig{1536, 16}.validate(options, "mmu.l2_tlb")), ConfigError);
    EXPECT_THROW((TlbConfig{10, 4}.validate(options, "mmu.l2_tlb")), ConfigError);
}

/// A set with true LRU as a list, most recent first, of pages and their frames.
class PlainSets {
public:
    PlainSets(std::uint32_t sets, std::uint32_t ways) : m_sets(sets), m_ways(ways) {}
    std::optional<std::uint64_t> find(std::uint64_t page) {
        std::list<Entry>& set = m_sets[page % m_sets.size()];
        const auto at = std::ranges::find(set, page, &Entry::first);
        if (at == set.end()) return std::nullopt;
        set.splice(set.begin(), set, at);
        return at->second;
    }
    void insert(std::uint64_t page, std::uint64_t frame) {
        drop(page);
        std::list<Entry>& set = m_sets[page % m_sets.size()];
        set.emplace_front(page, frame);
        if (set.size() > m_ways) set.pop_back();
    }
    void drop(std::uint64_t page) {
        std::erase_if(m_sets[page % m_sets.size()], [&](const Entry& entry) { return entry.first == page; });
    }

private:
    using Entry = std::pair<std::uint64_t, std::uint64_t>;
    std::vector<std::list<Entry>> m_sets;
    std::uint32_t m_ways;
};

struct TlbOfWays : testing::TestWithParam<std::uint32_t> {};

TEST_P(TlbOfWays, IsLeastRecentlyUsed) {
    const std::uint32_t ways = GetParam();
    Tlb tlb({4 * ways, ways});
    PlainSets plain(4, ways);
    Rng rng(1, "tlb");
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        const std::uint64_t page = rng.below(8 * ways);
        const VirtAddr address = user + page * page_size;
        if (rng.below(50) == 0) {
            (void)tlb.invalidate(range(address, page_size, 1));
            plain.drop(page);
            continue;
        }
        const std::optional<std::uint64_t> expected = plain.find(page);
        const TlbEntry* const found = tlb.find({address, PageSize::Page4K, 1});
        ASSERT_EQ(found != nullptr, expected.has_value()) << i;
        if (found != nullptr) {
            ASSERT_EQ(found->frame, *expected);
            ASSERT_EQ(tlb.recent({address, PageSize::Page4K, 1}), found);
        } else {
            tlb.insert(address, 1, TlbEntry{.frame = i});
            plain.insert(page, i);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Associativities, TlbOfWays, testing::Values(1, 2, 4, 12, 16, 20, 64, 300));

TEST(Tlb, KnowsWhichPageSizesItHolds) {
    Tlb tlb({4, 2});
    EXPECT_FALSE(tlb.holds(PageSize::Page2M, user));
    tlb.insert(user, 1, page(512, PageSize::Page2M));
    EXPECT_TRUE(tlb.holds(PageSize::Page2M, user));
    EXPECT_FALSE(tlb.holds(PageSize::Page2M, kernel));
    EXPECT_FALSE(tlb.holds(PageSize::Page4K, user));
    (void)tlb.invalidate(range(user, huge, 1));
    EXPECT_FALSE(tlb.holds(PageSize::Page2M, user));
    tlb.insert(user, 1, page(512, PageSize::Page2M));
    for (std::uint64_t i = 0; i < 8; ++i) tlb.insert(user + i * page_size, 1, page(i));
    EXPECT_FALSE(tlb.holds(PageSize::Page2M, user)); // evicted
}

TEST(Tlb, AbsentTlbHoldsNothing) {
    Tlb tlb({0, 4});
    tlb.insert(user, 1, page(1));
    EXPECT_EQ(tlb.find({user, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.recent({user, PageSize::Page4K, 1}), nullptr);
    EXPECT_EQ(tlb.invalidate(range(user, page_size, 1)), 0U);
}

} // namespace
} // namespace pagewalk::models
