#include "base/rng.h"
#include "contract/page_tables/page_table_format.h"
#include "tests/unit/contract/page_tables/table_frames_rig.h"

#include <map>
#include <utility>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

using rig::CountedFrames;
using rig::Memory;

constexpr VirtAddr user{0x7f0000000000};

struct EveryFormat : testing::TestWithParam<PageTableKind> {
    EveryFormat() : table(make_page_table(GetParam())) {}

    /// What the walker's side says must be what the kernel's side says.
    void expect_walk(VirtAddr page) {
        const EntryPlace place = table->find(page);
        for (const bool remembers : {true, false}) {
            memory.remembers = remembers;
            const FormatWalk walk = table->walk(page, memory);
            ASSERT_EQ(walk.found.entry, place.entry);
            ASSERT_EQ(walk.found.where, place.where);
            bool read = false;
            for (std::size_t i = 0; i < walk.count; ++i) {
                frames.expect_table(walk.references[i].where);
                read = read || walk.references[i].where == place.where;
            }
            if (place) {
                ASSERT_TRUE(read) << "the entry itself is not read";
            }
        }
    }

    std::unique_ptr<PageTableFormat> table;
    CountedFrames frames;
    Memory memory;
};

/// Random pages come and go, near each other and far away, against a plain map.
TEST_P(EveryFormat, HoldsWhatAPlainMapHolds) {
    std::map<std::uint64_t, std::uint64_t> model; // entry by page
    std::map<std::uint64_t, PageTableEntry*> places;
    Rng rng(7, "formats");
    const auto random_page = [&] {
        const std::uint64_t region = rng.below(3) * 0x123450000000ULL;
        return VirtAddr(0x10000 + region + rng.below(4) * (1ULL << 30) + rng.below(3000) * page_size);
    };
    for (int step = 0; step < 60'000; ++step) {
        const VirtAddr page = random_page();
        const std::uint64_t choice = rng.below(100);
        if (choice < 50) {
            const EntryPlace place = table->ensure(page, frames);
            ASSERT_TRUE(place);
            const PageTableEntry entry(Pfn(rng.below(1 << 20)), PageTableEntry::Present);
            *place.entry = entry;
            model[page.value()] = entry.raw();
            // As long as it is held an entry stays at its host address, whatever comes and goes.
            const auto [known, is_new] = places.try_emplace(page.value(), place.entry);
            ASSERT_EQ(known->second, place.entry);
        } else if (choice < 90) {
            expect_walk(page);
            const EntryPlace place = table->find(page);
            const auto held = model.find(page.value());
            ASSERT_EQ(place && !place.entry->empty(), held != model.end());
            if (held != model.end()) {
                ASSERT_EQ(place.entry->raw(), held->second);
            }
        } else if (choice < 99) {
            const VirtAddr end = page + rng.below(64) * page_size + page_size;
            VirtAddr at = page;
            for (auto held = model.lower_bound(page.value());; ++held, at += page_size) {
                const EntryPlace place = table->next(at, end);
                const bool more = held != model.end() && VirtAddr(held->first) < end;
                ASSERT_EQ(static_cast<bool>(place), more);
                if (!more) break;
                ASSERT_EQ(at.value(), held->first);
                ASSERT_EQ(place.entry->raw(), held->second);
            }
        } else {
            const VirtAddr end = page + (1 + rng.below(2000)) * page_size;
            VirtAddr at = page;
            for (EntryPlace place; (place = table->next(at, end)); at += page_size) *place.entry = {};
            model.erase(model.lower_bound(page.value()), model.lower_bound(end.value()));
            places.clear();
            table->release(page, end, frames);
            for (const auto& [held, entry] : model) {
                if (rng.below(50) != 0) continue;
                ASSERT_EQ(table->find(VirtAddr(held)).entry->raw(), entry);
            }
        }
        ASSERT_EQ(table->frames(), frames.taken);
    }
    ASSERT_GT(model.size(), 1000U);
    VirtAddr at{};
    for (EntryPlace place; (place = table->next(at, VirtAddr(1ULL << 47))); at += page_size)
        *place.entry = {};
    table->release(VirtAddr(), VirtAddr(1ULL << 47), frames);
    EXPECT_EQ(frames.taken, 0U);
    EXPECT_EQ(table->frames(), 0U);
}

/// Huge pages among small ones: they come, go, are split and made of small ones, against a plain map.
TEST_P(EveryFormat, HoldsHugePagesAmongSmallOnes) {
    constexpr std::uint64_t huge_bytes = level_span(2);
    std::map<std::uint64_t, std::uint64_t> small, huge; // entry by page
    Rng rng(11, "huge pages");
    const auto in_block = [&](VirtAddr block) {
        return std::pair(small.lower_bound(block.value()), small.lower_bound(block.value() + huge_bytes));
    };
    const auto drop_small = [&](VirtAddr block) {
        const auto [first, last] = in_block(block);
        for (auto page = first; page != last; ++page) *table->find(VirtAddr(page->first)).entry = {};
        small.erase(first, last);
    };
    std::uint64_t splits = 0, collapses = 0;
    for (int step = 0; step < 8000; ++step) {
        const VirtAddr block = user + rng.below(3) * (1ULL << 30) + rng.below(12) * huge_bytes;
        const VirtAddr page = block + rng.below(512) * page_size;
        const PageTableEntry entry(Pfn(rng.below(1 << 20)), PageTableEntry::Present);
        const bool is_huge = huge.contains(block.value());
        // Now and then there are no large blocks for tables.
        frames.most_order = rng.below(2) == 0 ? TableFrames::max_order : 8;
        switch (rng.below(6)) {
        case 0:
        case 1:
            if (is_huge) break;
            ASSERT_TRUE(table->ensure(page, frames));
            *table->find(page).entry = entry;
            small[page.value()] = entry.raw();
            break;
        case 2: // a fault where nothing is yet, or a collapse of what is there
            if (is_huge) break;
            ASSERT_TRUE(table->ensure_huge(page, frames));
            ASSERT_TRUE(table->reserve(page, frames));
            drop_small(block);
            *table->find_huge(page).entry = entry;
            huge[block.value()] = entry.raw();
            if (table->has_small(page)) ++collapses;
            table->release(block, block + huge_bytes, frames);
            ASSERT_FALSE(table->has_small(page));
            break;
        case 3: // a split
            if (!is_huge) break;
            ++splits;
            *table->find_huge(page).entry = {};
            huge.erase(block.value());
            {
                const std::uint64_t before = frames.taken;
                table->split(page, frames);
                ASSERT_LE(frames.taken, before) << "a split takes memory";
            }
            for (std::uint64_t i = 0; i < 512; i += 1 + rng.below(100)) {
                *table->find(block + i * page_size).entry = PageTableEntry(entry.raw() + (i << page_shift));
                small[(block + i * page_size).value()] = entry.raw() + (i << page_shift);
            }
            break;
        case 4: // unmapped
            if (is_huge) {
                *table->find_huge(page).entry = {};
                table->unreserve(page, frames);
                huge.erase(block.value());
            }
            drop_small(block);
            table->release(block, block + huge_bytes, frames);
            ASSERT_FALSE(table->has_small(page));
            break;
        default: {
            const FormatWalk walk = table->walk(page, memory);
            for (std::size_t i = 0; i < walk.count; ++i) frames.expect_table(walk.references[i].where);
            if (is_huge) {
                ASSERT_TRUE(walk.found);
                ASSERT_EQ(walk.found.level, 2U);
                ASSERT_EQ(walk.found.entry, table->find_huge(page).entry);
                ASSERT_EQ(walk.found.entry->raw(), huge[block.value()]);
                ASSERT_FALSE(table->find(page));
            } else if (const auto held = small.find(page.value()); held != small.end()) {
                ASSERT_TRUE(walk.found);
                ASSERT_EQ(walk.found.level, 1U);
                ASSERT_EQ(walk.found.entry->raw(), held->second);
            } else {
                ASSERT_TRUE(!walk.found || walk.found.entry->empty());
            }
        }
        }
        ASSERT_EQ(table->frames(), frames.taken);
        if (step % 50 != 0) continue;
        // From the middle of a page too: it is the first that is found.
        VirtAddr at = page;
        std::map<std::uint64_t, std::uint64_t> wanted(small.lower_bound(page.value()), small.end());
        wanted.insert(huge.lower_bound(block.value()), huge.end());
        for (const auto& [start, raw] : wanted) {
            const EntryPlace place = table->next(at, VirtAddr(1ULL << 47));
            ASSERT_TRUE(place);
            ASSERT_EQ(at.value(), start);
            ASSERT_EQ(place.entry->raw(), raw);
            ASSERT_EQ(place.level, huge.contains(start) ? 2U : 1U);
            at += level_span(place.level);
        }
        ASSERT_FALSE(table->next(at, VirtAddr(1ULL << 47)));
    }
    EXPECT_GT(splits, 100U);
    EXPECT_GT(collapses, 100U);
    for (const auto& [start, raw] : huge) {
        *table->find_huge(VirtAddr(start)).entry = {};
        table->unreserve(VirtAddr(start), frames);
    }
    for (const auto& [start, raw] : small) *table->find(VirtAddr(start)).entry = {};
    table->release(VirtAddr(), VirtAddr(1ULL << 47), frames);
    EXPECT_EQ(frames.taken, 0U);
}

TEST_P(EveryFormat, IsEmptyAtFirstAndTakesNoMemory) {
    EXPECT_FALSE(table->find(user));
    EXPECT_FALSE(table->walk(user, memory).found);
    VirtAddr at{};
    EXPECT_FALSE(table->next(at, VirtAddr(1ULL << 47)));
    EXPECT_EQ(frames.taken, 0U);
}

TEST_P(EveryFormat, SaysWhenNoMemoryIsLeftAndKeepsWhatItHas) {
    frames.limit = 8;
    frames.most_order = 0;
    std::uint64_t held = 0;
    for (; held < 1'000'000; ++held) {
        // Pages far from each other, so that each wants a line of its own.
        const EntryPlace place = table->ensure(VirtAddr(held * 64 * page_size), frames);
        if (!place) break;
        *place.entry = PageTableEntry(Pfn(held), PageTableEntry::Present);
    }
    EXPECT_LT(held, 1'000'000U);
    for (std::uint64_t i = 0; i < held; ++i)
        ASSERT_EQ(table->find(VirtAddr(i * 64 * page_size)).entry->frame(), Pfn(i));
    EXPECT_LE(frames.taken, 8U);
    EXPECT_EQ(table->frames(), frames.taken);
}

INSTANTIATE_TEST_SUITE_P(PageTableFormats, EveryFormat,
                         testing::Values(PageTableKind::Flattened, PageTableKind::Hashed,
                                         PageTableKind::Cuckoo));

TEST(PageTableFormat, RadixIsTheKernelsOwn) {
    EXPECT_EQ(make_page_table(PageTableKind::Radix), nullptr);
    EXPECT_EQ(page_table_names[PageTableKind::Cuckoo], "cuckoo");
}

} // namespace
} // namespace pagewalk
