#include "base/rng.h"
#include "os/vm/operation_frames.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::page;
using test::VmRig;

VmConfig small_pages() {
    VmConfig config;
    config.thp.enabled = ThpEnabled::Never;
    return config;
}

TEST(OperationFrames, AreAccountedAsTablesOfTheAddressSpace) {
    VmRig rig(FileCache::Cold, small_pages());
    const auto space = rig.new_space();
    rig.at_once([&](Operation& op) {
        OperationFrames frames(op, *space, rig.frames, rig.counters);
        const std::uint64_t before = rig.counters.nr_page_table_pages;
        const Pfn block = frames.allocate(2);
        ASSERT_NE(block, TableFrames::no_frame);
        EXPECT_EQ(space->table_pages, 4U);
        EXPECT_EQ(rig.counters.nr_page_table_pages, before + 4);
        frames.free(block, 2);
        EXPECT_EQ(space->table_pages, 0U);
        EXPECT_EQ(rig.counters.nr_page_table_pages, before);
    });
}

/// A machine whose processes' tables have some format, and what its pages are seen to be.
struct Machine {
    explicit Machine(PageTableKind kind, const VmConfig& config = small_pages(),
                     std::uint64_t bytes = 64ULL << 20)
        : rig(FileCache::Cold, config, kind, {bytes}) {
        spaces.push_back(rig.new_space());
    }
    ~Machine() {
        for (std::size_t i = spaces.size(); i-- > 0;) end(i);
    }
    void end(std::size_t i) {
        rig.at_once([&](Operation& op) { rig.vm.drop_user(op, *spaces[i]); });
        EXPECT_EQ(spaces[i]->table_pages, 0U);
        rig.at_once([&](Operation& op) { rig.vm.destroy(op, *spaces[i]); });
        spaces.erase(spaces.begin() + static_cast<std::ptrdiff_t>(i));
    }
    /// Of every page of 4 KiB that is mapped, by itself or in a huge one: where, its entry's flags, and by
    /// the number of its frame's first appearance which others it is the same as.
    [[nodiscard]] std::vector<std::vector<std::uint64_t>> seen() {
        std::map<Pfn, std::uint64_t> names;
        std::vector<std::vector<std::uint64_t>> result;
        std::size_t space = 0;
        const auto visit = [&](VirtAddr at, PteSlot slot) {
            EXPECT_EQ(rig.tables.find_leaf(*spaces[space], at).entry, slot.entry);
            const PageTableEntry entry = *slot.entry;
            const std::uint64_t flags = entry.raw() ^ PageTableEntry(entry.frame(), 0).raw();
            huge_pages += slot.huge() ? 1 : 0;
            for (std::uint64_t i = 0; i < level_span(slot.level) / page_size; ++i) {
                const Pfn frame = rig.vm.is_zero_page(entry.frame()) ? Pfn() : entry.frame() + i;
                const std::uint64_t name = names.try_emplace(frame, names.size()).first->second;
                result.push_back({space, (at + i * page_size).value(), flags & ~huge_flag, name});
            }
        };
        for (; space < spaces.size(); ++space)
            rig.tables.for_each(*spaces[space], VirtAddr(), VirtAddr(1ULL << 47), visit, visit);
        return result;
    }
    static constexpr std::uint64_t huge_flag = PageTableEntry::Huge;
    std::uint64_t huge_pages = 0; ///< that have been seen
    VmRig rig;
    std::vector<std::shared_ptr<AddressSpace>> spaces;
};

struct EveryFormatsKernel : testing::TestWithParam<PageTableKind> {};

/// The same mappings, faults, forks, copies on write, moves, migrations and ends, with radix tables and with
/// others: programs see the same pages.
TEST_P(EveryFormatsKernel, DoesWhatItDoesWithRadixTables) {
    Machine radix(PageTableKind::Radix), other(GetParam());
    Rng rng(3, "kernel");
    for (int step = 0; step < 3000; ++step) {
        const std::size_t space = rng.below(radix.spaces.size());
        const VirtAddr at = page(rng.below(8) * 700 + rng.below(60));
        const std::uint64_t pages = 1 + rng.below(40);
        const std::uint64_t choice = rng.below(100);
        const VirtAddr to = page(100'000 + rng.below(8) * 700);
        const bool write = rng.below(2) == 0;
        for (Machine* const machine : {&radix, &other}) {
            VmRig& rig = machine->rig;
            AddressSpace& here = *machine->spaces[space];
            if (choice < 10) {
                rig.map_anonymous(here, at, pages);
            } else if (choice < 80) {
                if (const std::size_t area = here.areas.find(at);
                    area < here.areas.size() && here.areas[area].start <= at)
                    rig.touch(here, at, write ? FaultAccess::Write : FaultAccess::Read);
            } else if (choice < 86) {
                rig.at_once([&](Operation& op) { rig.vm.munmap(op, here, at, pages * page_size); });
            } else if (choice < 90) {
                const std::size_t area = here.areas.find(at);
                if (area == here.areas.size() || here.areas[area].start > at) continue;
                const std::uint64_t bytes = std::min(pages * page_size, here.areas[area].end - at);
                rig.at_once([&](Operation& op) { rig.vm.munmap(op, here, to, bytes); });
                rig.at_once([&](Operation& op) { rig.vm.remap(op, here, at, bytes, bytes, to); });
            } else if (choice < 94) {
                if (machine->spaces.size() < 5)
                    machine->spaces.push_back(
                        rig.at_once([&](Operation& op) { return rig.vm.fork(op, here); }));
            } else if (choice < 97) {
                if (machine->spaces.size() > 1) machine->end(space);
            } else {
                rig.at_once([&](Operation& op) { rig.lru.drain(op); });
                const PageTableEntry entry = rig.entry(here, at);
                if (!entry.present() || rig.vm.is_zero_page(entry.frame())) continue;
                const Pfn free = *rig.allocator->allocate({.mask = gfp::highuser_movable});
                const bool isolated = rig.at_once(
                    [&](Operation& op) { return rig.vm.isolate_page(op, entry.frame(), gfp::kernel); });
                if (!isolated) continue;
                EXPECT_TRUE(
                    rig.at_once([&](Operation& op) { return rig.vm.migrate_page(op, entry.frame(), free); }));
            }
        }
        if (step % 20 == 0) {
            ASSERT_EQ(radix.seen(), other.seen()) << "step " << step;
        }
    }
    ASSERT_GT(radix.seen().size(), 50U);
    EXPECT_EQ(radix.rig.counters.nr_anon_pages, other.rig.counters.nr_anon_pages);
}

/// The same with huge pages: they are shared, copied, split by what is unmapped or moved, migrated and made
/// of small ones.
TEST_P(EveryFormatsKernel, DoesTheSameToHugePages) {
    constexpr std::uint64_t memory = 1ULL << 30;
    Machine radix(PageTableKind::Radix, {}, memory), other(GetParam(), {}, memory);
    Rng rng(5, "huge pages");
    for (int step = 0; step < 1200; ++step) {
        const std::size_t space = rng.below(radix.spaces.size());
        const VirtAddr at = page(rng.below(6) * 1024 + rng.below(1024));
        const std::uint64_t pages = 1 + rng.below(1500);
        const std::uint64_t choice = rng.below(100);
        const VirtAddr slot_of_move = page(100'352 + rng.below(4) * 2048),
                       to = slot_of_move + rng.below(2) * page_size;
        const bool write = rng.below(2) == 0;
        for (Machine* const machine : {&radix, &other}) {
            VmRig& rig = machine->rig;
            AddressSpace& here = *machine->spaces[space];
            const std::size_t area = here.areas.find(at);
            const bool mapped = area < here.areas.size() && here.areas[area].start <= at;
            if (choice < 12) {
                // Of whole tables: a radix table outlives its pages where others' areas are beside them, and
                // then has small ones, where places of other formats go with the pages.
                const VirtAddr slot((at.value() & ~(2 * HugePages::bytes - 1)));
                rig.at_once([&](Operation& op) { rig.vm.munmap(op, here, slot, 2 * HugePages::bytes); });
                rig.map_anonymous(here, slot, 2 * HugePages::frames);
            } else if (choice < 70) {
                if (mapped) rig.touch(here, at, write ? FaultAccess::Write : FaultAccess::Read);
            } else if (choice < 76) {
                rig.at_once([&](Operation& op) { rig.vm.munmap(op, here, at, pages * page_size); });
            } else if (choice < 82) {
                if (!mapped) continue;
                const std::uint64_t bytes = std::min(pages * page_size, here.areas[area].end - at);
                rig.at_once(
                    [&](Operation& op) { rig.vm.munmap(op, here, slot_of_move, 4 * HugePages::bytes); });
                rig.at_once([&](Operation& op) { rig.vm.remap(op, here, at, bytes, bytes, to); });
            } else if (choice < 86) {
                if (machine->spaces.size() < 4)
                    machine->spaces.push_back(
                        rig.at_once([&](Operation& op) { return rig.vm.fork(op, here); }));
            } else if (choice < 89) {
                if (machine->spaces.size() > 1) machine->end(space);
            } else if (choice < 95) {
                rig.at_once([&](Operation& op) { rig.vm.collapse_range(op, here, page(0), page(6 * 1024)); });
            } else {
                rig.at_once([&](Operation& op) { rig.lru.drain(op); });
                const PteSlot slot = rig.tables.find_huge(here, at);
                if (!slot || rig.vm.is_zero_page(slot.entry->frame())) continue;
                rig.at_once([&](Operation& op) {
                    const Pfn from = slot.entry->frame();
                    const Pfn target = *rig.frames.allocate(op, {.mask = gfp::transhuge,
                                                                 .order = HugePages::order,
                                                                 .purpose = AllocationPurpose::Anonymous});
                    rig.vm.prepare_huge_page(target);
                    EXPECT_TRUE(rig.vm.migrate_huge_page(op, from, target));
                });
            }
        }
        if (step % 20 != 0) continue;
        const auto wanted = radix.seen(), got = other.seen();
        const auto [want, have] = std::ranges::mismatch(wanted, got);
        ASSERT_EQ(want == wanted.end() ? std::vector<std::uint64_t>() : *want,
                  have == got.end() ? std::vector<std::uint64_t>() : *have)
            << "step " << step;
    }
    EXPECT_GT(other.huge_pages, 100U);
    EXPECT_EQ(radix.rig.counters.nr_anon_pages, other.rig.counters.nr_anon_pages);
}

INSTANTIATE_TEST_SUITE_P(PageTableFormats, EveryFormatsKernel,
                         testing::Values(PageTableKind::Flattened, PageTableKind::Hashed,
                                         PageTableKind::Cuckoo));

} // namespace
} // namespace pagewalk::os
