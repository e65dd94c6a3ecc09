#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::VmRig;

/// Frames that nobody else has.
struct Restored : testing::Test {
    VmRig rig;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    Pfn frame() { return *rig.allocator->allocate({.mask = gfp::highuser_movable}); }
    SpaceImage image() {
        SpaceImage image{.root = *rig.allocator->allocate({.mask = gfp::kernel, .order = 1})};
        image.areas = {{.start = page(0),
                        .end = page(4),
                        .flags = vm::read | vm::write,
                        .page_offset = 7,
                        .has_anon_vma = true},
                       {.start = page(8), .end = page(9), .flags = vm::read, .file = "p1"}};
        image.tables = {{3, page(0), frame()}, {2, page(0), frame()}, {1, page(0), frame()}};
        image.cached = {{"p1", 0, frame()}};
        image.pages = {{.at = page(0), .frame = frame(), .writable = true, .dirty = true},
                       {.at = page(1), .frame = frame(), .in_lru_batch = true},
                       {.at = page(2), .kind = SpaceImage::Page::Kind::Zero},
                       {.at = page(3), .frame = frame(), .accessible = false},
                       {.at = page(8), .frame = image.cached[0].frame, .kind = SpaceImage::Page::Kind::File}};
        return image;
    }
};

TEST_F(Restored, SpaceHasTheCapturedFrames) {
    const SpaceImage captured = image();
    rig.map_anonymous(*space, page(100), 4);
    rig.touch(*space, page(100));
    rig.at_once([&](Operation& op) { rig.vm.restore(op, *space, captured); });
    EXPECT_EQ(space->root, captured.root);
    ASSERT_EQ(space->areas.size(), 2U); // what was there before is gone
    EXPECT_EQ(space->areas[0].page_offset, 7U);
    EXPECT_NE(space->areas[0].anon, no_anon_vma);
    for (unsigned level = 1; level <= 3; ++level)
        EXPECT_EQ(rig.tables.table_at(*space, page(0), level), captured.tables[3 - level].frame);
    EXPECT_EQ(rig.tables.table_at(*space, VirtAddr(0x1000), 1), no_pfn);
    EXPECT_EQ(rig.entry(*space, page(0)).frame(), captured.pages[0].frame);
    EXPECT_TRUE(rig.entry(*space, page(0)).has(PageTableEntry::Writable));
    EXPECT_FALSE(rig.entry(*space, page(1)).has(PageTableEntry::Writable));
    EXPECT_EQ(rig.entry(*space, page(2)).frame(), rig.addresses.zero_page);
    EXPECT_FALSE(rig.entry(*space, page(3)).present());
    EXPECT_EQ(rig.entry(*space, page(8)).frame(), captured.cached[0].frame);
    EXPECT_EQ(rig.frames.pages().peek(captured.pages[1].frame).refcount, 2U); // the batch's
    EXPECT_EQ(space->anon_pages, 3U);
    EXPECT_EQ(space->file_pages, 1U);
}

TEST_F(Restored, SpaceGoesAsAnyOther) {
    const SpaceImage captured = image();
    rig.at_once([&](Operation& op) { rig.vm.restore(op, *space, captured); });
    rig.at_once([&](Operation& op) { rig.vm.munmap(op, *space, page(0), 4 * page_size); });
    EXPECT_FALSE(rig.frames.pages().peek(captured.pages[0].frame).is(PageState::Allocated));
    EXPECT_FALSE(rig.frames.pages().peek(captured.pages[1].frame).is(PageState::Allocated));
    EXPECT_EQ(space->anon_pages, 0U);
    EXPECT_EQ(rig.tables.table_at(*space, page(8), 1), captured.tables[2].frame); // the file's page needs it
}

} // namespace
} // namespace pagewalk::os
