#include "base/error.h"
#include "os/syscall/block_io_driver.h"
#include "tests/unit/os/file/file_rig.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;

struct DirectIoCalls : testing::Test {
    test::FileRig rig{FileCache::Cold};
    BlockIoDriver driver{rig.frames, rig.block, rig.runner};
    int returned = 0;

    void call(IoCall call, std::array<std::uint64_t, 6> arguments = {}) {
        SyscallRecord record;
        record.number = static_cast<std::uint32_t>(call);
        record.arguments = arguments;
        rig.run(cpu0, [this, record](Operation& op) {
            op.task = TaskId{1};
            driver.serve(op, record);
            ++returned;
        });
    }
    void complete(std::size_t i) {
        rig.disk.complete.push_back(rig.disk.submitted[i].tag);
        KernelPath path;
        PathLog log;
        Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .cpu = cpu0, .now = rig.now};
        rig.block.interrupted(op);
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Effect) {
                const Effect effect = log.effects[step.count];
                effect.take_place({cpu0, rig.now});
            }
        while (rig.pick(cpu0) != nullptr) {
        }
    }
};

TEST_F(DirectIoCalls, StartRequestsBehindEachOther) {
    call(IoCall::Submit, {1, 800, 8192, 2, 4});
    ASSERT_EQ(rig.disk.submitted.size(), 2U);
    EXPECT_EQ(rig.disk.submitted[0].kind, BlockRequest::Kind::Write);
    EXPECT_EQ(rig.disk.submitted[0].pages.size(), 2U);
    EXPECT_EQ(rig.disk.submitted[1].sector, 816U);
    EXPECT_NE(rig.disk.submitted[0].pages[0], rig.disk.submitted[1].pages[0]);
    EXPECT_EQ(returned, 1);
}

TEST_F(DirectIoCalls, WaitWhileTooManyAreUnderWay) {
    call(IoCall::Submit, {0, 0, 4096, 1, 2});
    call(IoCall::Submit, {0, 8, 4096, 1, 2});
    call(IoCall::Submit, {0, 16, 4096, 1, 2});
    EXPECT_EQ(returned, 2);
    EXPECT_EQ(rig.disk.submitted.size(), 2U);
    const BusPage buffer = rig.disk.submitted[1].pages[0];
    complete(1);
    EXPECT_EQ(returned, 3);
    ASSERT_EQ(rig.disk.submitted.size(), 3U);
    EXPECT_EQ(rig.disk.submitted[2].pages[0], buffer); // used again
}

TEST_F(DirectIoCalls, GiveTheirBuffersBackWhenAllIsDone) {
    call(IoCall::Submit, {0, 0, 65536, 1, 2});
    const std::uint64_t freed = rig.counters.pgfree;
    call(IoCall::Drain);
    EXPECT_EQ(returned, 1);
    EXPECT_EQ(rig.counters.pgfree, freed);
    complete(0);
    EXPECT_EQ(returned, 2);
    EXPECT_EQ(rig.counters.pgfree, freed + 16);
}

TEST_F(DirectIoCalls, RefuseMoreThanMayBeUnderWay) {
    EXPECT_THROW(call(IoCall::Submit, {0, 0, 4096, 3, 2}), RunError);
    EXPECT_THROW(call(IoCall::Submit, {0, 0, 0, 1, 2}), RunError);
}

} // namespace
} // namespace pagewalk::os
