#include "os/vm/page_gather.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::VmRig;
using Full = PageGather::Full;

struct Gathering : testing::Test {
    VmRig rig;
    HugePages huge{rig.frames, rig.counters};
    HugetlbPools hugetlb{rig.frames, rig.counters};
    PageGather gather{{rig.frames, rig.lru, huge, hugetlb, rig.swap}};

    [[nodiscard]] Pfn allocate() {
        return rig.at_once(
            [&](Operation& op) { return *rig.frames.allocate(op, {.mask = gfp::highuser_movable}); });
    }
    Full add(Pfn frame) {
        return rig.at_once([&](Operation& op) { return gather.add(op, frame); });
    }
    void flush() {
        rig.at_once([&](Operation& op) { gather.flush(op); });
    }
    [[nodiscard]] bool allocated(Pfn frame) {
        return rig.frames.pages().peek(frame).is(PageState::Allocated);
    }
};

TEST_F(Gathering, FreesNothingBeforeTheFlush) {
    const Pfn frame = allocate();
    EXPECT_EQ(add(frame), Full::No);
    EXPECT_TRUE(allocated(frame));
    flush();
    EXPECT_FALSE(allocated(frame));
    EXPECT_TRUE(gather.empty());
}

TEST_F(Gathering, LeavesPagesThatHaveOtherUsers) {
    const Pfn frame = allocate();
    ++rig.frames.pages().at(frame).refcount;
    (void)add(frame);
    flush();
    EXPECT_TRUE(allocated(frame));
    EXPECT_EQ(rig.frames.pages().peek(frame).refcount, 1U);
}

TEST_F(Gathering, IsFullAfterEightPagesWhereThereIsNoMemoryForMoreRoom) {
    std::vector<Pfn> frames;
    for (int i = 0; i < 9; ++i) frames.push_back(allocate());
    rig.use_up_memory();
    for (int i = 0; i < 7; ++i) EXPECT_EQ(add(frames[static_cast<std::size_t>(i)]), Full::No);
    EXPECT_EQ(add(frames[7]), Full::Yes);
}

TEST_F(Gathering, TakesAPageForEvery510MoreAndGivesThemBack) {
    const std::uint64_t before = rig.counters.pgfree;
    for (int i = 0; i < 8 + 510; ++i) EXPECT_EQ(add(allocate()), Full::No);
    flush();
    rig.at_once([&](Operation& op) { gather.finish(op); });
    EXPECT_EQ(rig.counters.pgfree - before, 518U + 2); // the pages, and two with pointers to them
}

} // namespace
} // namespace pagewalk::os
