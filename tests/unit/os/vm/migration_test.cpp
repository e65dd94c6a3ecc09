#include "os/vm/virtual_memory.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

struct Migration : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();
    Pfn from{}, to{};

    void SetUp() override {
        rig.map_anonymous(*space, page(0), 4);
        rig.touch(*space, page(0));
        rig.at_once([&](Operation& op) { rig.lru.drain(op); });
        from = rig.entry(*space, page(0)).frame();
        to = *rig.allocator->allocate({.mask = gfp::highuser_movable});
    }
    bool isolate(Pfn frame, GfpMask mask = gfp::kernel) {
        return rig.at_once([&](Operation& op) { return rig.vm.isolate_page(op, frame, mask); });
    }
    bool migrate() {
        return rig.at_once([&](Operation& op) { return rig.vm.migrate_page(op, from, to); });
    }
};

TEST_F(Migration, MovesAPageInEveryTableThatMapsIt) {
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    const std::array spaces{space.get(), child.get()};
    std::array<PageTableEntry, 2> before;
    for (std::size_t i = 0; i < spaces.size(); ++i) before[i] = rig.entry(*spaces[i], page(0));
    ASSERT_TRUE(isolate(from));
    ASSERT_TRUE(migrate());
    for (std::size_t i = 0; i < spaces.size(); ++i) {
        const PageTableEntry entry = rig.entry(*spaces[i], page(0));
        EXPECT_EQ(entry.frame(), to);
        EXPECT_EQ(entry.raw() - PageTableEntry(to, 0).raw(), before[i].raw() - PageTableEntry(from, 0).raw());
    }
    EXPECT_EQ(rig.frames.pages().peek(to).mapcount, 2U);
    EXPECT_EQ(rig.frames.pages().peek(from).mapcount, 0U);
    EXPECT_EQ(rig.counters.nr_anon_pages, 1U);
}

TEST_F(Migration, FindsAPageWhoseAreaHasMoved) {
    rig.at_once(
        [&](Operation& op) { rig.vm.remap(op, *space, page(0), 4 * page_size, 4 * page_size, page(1000)); });
    ASSERT_TRUE(isolate(from));
    ASSERT_TRUE(migrate());
    EXPECT_EQ(rig.entry(*space, page(1000)).frame(), to);
}

TEST_F(Migration, LeavesAPageThatSomebodyElseHolds) {
    ASSERT_TRUE(isolate(from));
    ++rig.frames.pages().at(from).refcount;
    EXPECT_FALSE(migrate());
    EXPECT_EQ(rig.entry(*space, page(0)).frame(), from);
}

TEST_F(Migration, IsolatesNothingThatIsOnNoListLockedOrUnderWriteback) {
    ASSERT_TRUE(isolate(from));
    EXPECT_FALSE(isolate(from));
    rig.at_once([&](Operation& op) { rig.vm.put_back_page(op, from); });
    for (const std::uint16_t flag : {frame_flags::locked, frame_flags::writeback}) {
        rig.frames.pages().at(from).owner_flags |= flag;
        EXPECT_FALSE(isolate(from));
        rig.frames.pages().at(from).owner_flags &= static_cast<std::uint16_t>(~flag);
    }
    EXPECT_TRUE(isolate(from));
    EXPECT_EQ(rig.counters.nr_lru_anon, 0U);
}

TEST_F(Migration, MovesAFilePageInItsPageCacheWhereTheFileSystemMayWork) {
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    from = rig.at_once([&](Operation& op) { return rig.files.get_page_for_write(op, file, 5).frame; });
    rig.at_once([&](Operation& op) { rig.lru.drain(op); });
    EXPECT_FALSE(isolate(from, gfp::kernel.without(gfp::fs)));
    ASSERT_TRUE(isolate(from));
    ASSERT_TRUE(migrate());
    EXPECT_EQ(rig.files.at(file).pages.find(5), to);
}

TEST(WriteProtection, TakesTheRightToWriteOutOfSharedMappings) {
    test::VmRig rig{FileCache::Warm};
    auto space = rig.new_space(), other = rig.new_space();
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    constexpr std::uint32_t shared = vm::read | vm::write | vm::shared;
    for (AddressSpace* each : {space.get(), other.get()})
        rig.map(*each, {.start = test::page(0), .bytes = page_size, .flags = shared, .inode = file});
    EXPECT_EQ(rig.touch(*space, test::page(0)).kind, FaultKind::Shared);
    (void)rig.touch(*other, test::page(0), FaultAccess::Read);
    EXPECT_TRUE(rig.entry(*space, test::page(0)).has(PageTableEntry::Dirty));
    EXPECT_EQ(rig.counters.nr_dirty, 1U);
    const Pfn frame = rig.entry(*space, test::page(0)).frame();
    rig.at_once([&](Operation& op) { rig.vm.write_protect_file(op, frame); });
    for (AddressSpace* each : {space.get(), other.get()}) {
        EXPECT_TRUE(rig.entry(*each, test::page(0)).present());
        EXPECT_FALSE(rig.entry(*each, test::page(0)).has(PageTableEntry::Writable));
        EXPECT_FALSE(rig.entry(*each, test::page(0)).has(PageTableEntry::Dirty));
    }
    EXPECT_EQ(rig.touch(*space, test::page(0)).kind, FaultKind::MakeWritable);
}

} // namespace
} // namespace pagewalk::os
