#include "base/rng.h"
#include "os/vm/operation_frames.h"
#include "tests/unit/os/vm/vm_rig.h"

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
    explicit Machine(PageTableKind kind) : rig(FileCache::Cold, small_pages(), kind) {
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
    /// Of every page that is mapped: where, its entry's flags, and by the number of its frame's first
    /// appearance which others it is the same as.
    [[nodiscard]] std::vector<std::vector<std::uint64_t>> seen() {
        std::map<Pfn, std::uint64_t> names;
        std::vector<std::vector<std::uint64_t>> result;
        for (std::size_t i = 0; i < spaces.size(); ++i)
            rig.tables.for_each(*spaces[i], VirtAddr(), VirtAddr(1ULL << 47), [&](VirtAddr at, PteSlot slot) {
                const PageTableEntry entry = *slot.entry;
                const std::uint64_t name = names.try_emplace(entry.frame(), names.size()).first->second;
                result.push_back({i, at.value(), entry.raw() ^ PageTableEntry(entry.frame(), 0).raw(), name});
                EXPECT_EQ(rig.tables.find(*spaces[i], at).entry, slot.entry);
            });
        return result;
    }
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

INSTANTIATE_TEST_SUITE_P(PageTableFormats, EveryFormatsKernel,
                         testing::Values(PageTableKind::Flattened, PageTableKind::Hashed,
                                         PageTableKind::Cuckoo));

} // namespace
} // namespace pagewalk::os
