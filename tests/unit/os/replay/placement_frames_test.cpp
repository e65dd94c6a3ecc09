#include "base/error.h"
#include "os/replay/placement_frames.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// One zone from 16 MiB on; free: pages 2030 and 2031 on the per-CPU list, a block of 1024 pages.
constexpr const char* snapshot_text =
    "SNAP 0 cpus 1 nodes 1 pageblock_order 9 max_order 11 pcp_lists 14 migrate_types 5\n"
    "ZONE 0 1 DMA32 start 1000 spanned 8192 present 8192 managed 4096\n"
    "WMARK 0 1 min 1 low 2 high 3 promo 4 boost 0 flags 0 highatomic 0 isolate 0\n"
    "ZSTAT 0 1 1024 0\n"
    "NRFREE 0 1 10 1\n"
    "FL 0 1 10 1 : 2400\n"
    "PCP 0 1 0 count 2 high 100 batch 7 free_factor 0 expire 0\n"
    "PL 0 1 0 1 : 2030/1 2031/1\n"
    "PB 0 1 1000 16 1\n"
    "PF 1000 4096 1000\n"
    "END trunc 0\n";

constexpr const char* ops_text = "P0 o a 0 1 100cca 2030 page:P0:1000\n"
                                 "K7 x a 0 1 100cca 2031 -\n"
                                 "P0 o c 0 1 2030 page:P0:1000\n"
                                 "R x c 1 0 2100 table4:P0:0\n";

struct Frames : testing::Test {
    PlacementFrames frames{PageSnapshot::parse(snapshot_text, "snapA"), parse_ops(ops_text, "ops")};
    BootLayout layout{.table_frames = {{PhysAddr(0x3f00000), PhysAddr(0x3f08000)}}};
    std::unique_ptr<PageAllocator> allocator = frames.take_allocator(layout);

    std::optional<Pfn> ask(GfpMask mask, AllocationPurpose purpose) {
        const AllocRequest request{.mask = mask};
        if (const auto frame = frames.serve(request, purpose)) return frame;
        const auto frame = allocator->allocate(request);
        if (frame) frames.note_served(*frame);
        return frame ? std::optional(*frame) : std::nullopt;
    }
    void give_back(Pfn frame) {
        if (!frames.take_back(frame, 0)) EXPECT_TRUE(allocator->free(frame, 0, CpuId{}).has_value());
    }
};

TEST_F(Frames, DoWhatOthersDidBetweenTheProgramsOperations) {
    frames.begin();
    EXPECT_EQ(ask(gfp::highuser_movable, AllocationPurpose::Anonymous), Pfn(0x2030));
    give_back(Pfn(0x2030)); // before it comes the other's allocation
    EXPECT_TRUE(allocator->pages().peek(Pfn(0x2031)).is(PageState::Allocated));
    frames.finish();
    EXPECT_EQ(frames.first_difference(), "");
    EXPECT_EQ(frames.own_operations(), 2U);
}

TEST_F(Frames, ServeTheKernelsObjectsFromElsewhere) {
    const auto before = ask(gfp::highuser_movable, AllocationPurpose::Anonymous); // before it begins: all
    ASSERT_TRUE(before);
    EXPECT_LT(*before, Pfn(0x2000));
    frames.begin();
    const auto slab = ask(gfp::kernel, AllocationPurpose::KernelObject);
    ASSERT_TRUE(slab);
    EXPECT_LT(*slab, Pfn(0x2000));
    give_back(*slab);
    EXPECT_EQ(ask(gfp::kernel, AllocationPurpose::KernelStack), slab);
    EXPECT_EQ(frames.own_operations(), 0U);
}

TEST_F(Frames, LeaveTheLastTableToWhoReapsTheProcess) {
    frames.begin();
    (void)ask(gfp::highuser_movable, AllocationPurpose::Anonymous);
    give_back(Pfn(0x2030));
    EXPECT_TRUE(frames.take_back(Pfn(0x2100), 1));
    EXPECT_EQ(frames.first_difference(), "");
}

TEST_F(Frames, TellWhereTheKernelWentAnotherWay) {
    frames.begin();
    (void)ask(gfp::highuser_movable | gfp::zero, AllocationPurpose::Anonymous);
    EXPECT_EQ(frames.first_difference().find("operation 1: the simulated kernel asks for a block of order 0"),
              0U)
        << frames.first_difference();
    EXPECT_NE(frames.first_difference().find("line 1 of ops"), std::string::npos);
}

TEST_F(Frames, TellWhatTheKernelDidNotDo) {
    frames.begin();
    (void)ask(gfp::highuser_movable, AllocationPurpose::Anonymous);
    frames.finish();
    EXPECT_NE(frames.first_difference().find("does no more"), std::string::npos);
}

TEST_F(Frames, MoveTheKernelsTablesToWhereNobodyComes) {
    EXPECT_EQ(layout.addresses.zero_page, Pfn(0x1000));
    EXPECT_EQ(pfn_of(layout.table_frames.front().begin), Pfn(0x1001));
    EXPECT_EQ(layout.table_frames.front().end - layout.table_frames.front().begin, 0x8000U);
}

} // namespace
} // namespace pagewalk::os
