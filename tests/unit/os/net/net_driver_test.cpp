#include "base/error.h"
#include "os/net/net_driver.h"
#include "tests/unit/os/net/net_rig.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

struct Net : testing::Test, test::NetRig {
    std::uint32_t sockets = 0;

    static SyscallRecord message(NetReceive how, std::uint64_t bytes, bool reads = true) {
        SyscallRecord record;
        record.number = static_cast<std::uint32_t>(NetCall::Receive);
        record.arguments = {static_cast<std::uint64_t>(how), bytes, reads ? 1U : 0U, 0, 0, 0};
        return record;
    }
    /// A message of four packets of 1000 bytes, received; returns the path of its second half.
    std::vector<KernelStep> steps_of(NetReceive how) {
        bool done = false;
        Task& task = call(message(how, 4000), done);
        nic.flow = sockets++; // each task has a socket
        nic.bring(4);
        interrupt();
        std::vector<KernelStep> steps;
        rig.runner.wake_sleepers({cpu1, rig.now});
        Task* const next = rig.scheduler.next(cpu1);
        EXPECT_EQ(next, &task);
        rig.scheduler.set_running(cpu1, next);
        next->state = TaskState::Running;
        rig.runner.prepare_resume(*next, cpu1, rig.now);
        rig.runner.resume(*next);
        steps.assign(next->path.steps().begin(), next->path.steps().end());
        rig.run_path(*next);
        EXPECT_TRUE(done);
        return steps;
    }
    static std::uint64_t sum(const std::vector<KernelStep>& steps, StepKind kind) {
        std::uint64_t total = 0;
        for (const KernelStep& step : steps)
            if (step.kind == kind) total += kind == StepKind::CopyPages ? step.count : 1;
        return total;
    }
};

TEST_F(Net, GivesTheRingABufferForEachDescriptor) {
    set_up();
    EXPECT_EQ(nic.buffers.size(), 128U);
    EXPECT_EQ(nic.ring.entries, 128U);
    EXPECT_EQ(dma.stats().pages_mapped, 128U);
    EXPECT_FALSE(nic.started); // nobody receives yet
}

TEST_F(Net, WakesAReceiverWhenItsMessageIsWhole) {
    set_up();
    bool done = false;
    Task& task = call(message(NetReceive::Copy, 2500), done);
    EXPECT_TRUE(nic.started);
    EXPECT_FALSE(done);
    nic.bring(2);
    interrupt();
    EXPECT_EQ(rig.pick(cpu1), &task); // looks again, and sleeps on
    EXPECT_FALSE(done);
    nic.bring(1);
    interrupt();
    EXPECT_EQ(rig.pick(cpu1), &task);
    EXPECT_TRUE(done);
}

TEST_F(Net, PollsNoMoreThanItsBudget) {
    set_up();
    bool done = false;
    call(message(NetReceive::Copy, 1'000'000), done);
    nic.bring(100);
    interrupt();
    EXPECT_EQ(nic.received.size(), 36U);
    EXPECT_EQ(interrupts.at.size(), 1U); // polled again, without the NIC's doing
    EXPECT_EQ(nic.enabled, 0);
    interrupt();
    EXPECT_EQ(nic.enabled, 1);
    EXPECT_EQ(nic.buffers.size(), 128U); // refilled
}

TEST_F(Net, LeavesTasksHalfOfTheTimeWherePollingDoesNotEnd) {
    set_up();
    bool done = false;
    call(message(NetReceive::Copy, 2'000'000), done);
    const Tick begin = rig.now;
    for (unsigned i = 0; i < NetDriver::polls_in_a_row; ++i) {
        nic.bring(64, 100);
        interrupt();
        rig.now += Tick(1'000'000);
    }
    ASSERT_EQ(interrupts.at.size(), NetDriver::polls_in_a_row);
    const Tick last = rig.now - Tick(1'000'000);
    EXPECT_EQ(interrupts.at[8], last - Tick(1'000'000));
    EXPECT_EQ(interrupts.at[9], last + (last - begin));
}

TEST_F(Net, CopiesEveryByteOrNone) {
    set_up();
    EXPECT_EQ(sum(steps_of(NetReceive::Copy), StepKind::CopyPages), 4000U);
    const auto remapped = steps_of(NetReceive::Remap);
    EXPECT_EQ(sum(remapped, StepKind::CopyPages), 0U);
    EXPECT_EQ(sum(remapped, StepKind::FlushTlb), 4U); // a page of each packet
    const auto fixed = steps_of(NetReceive::Fixed);
    EXPECT_EQ(sum(fixed, StepKind::CopyPages), 0U);
    EXPECT_EQ(sum(fixed, StepKind::FlushTlb), 0U);
    EXPECT_GE(sum(fixed, StepKind::Load), 4U * 16); // the program reads all lines
}

TEST_F(Net, LeavesTheRestOfAPacketForTheNextMessage) {
    set_up();
    bool done = false;
    const SyscallRecord first = message(NetReceive::Fixed, 600), second = message(NetReceive::Fixed, 400);
    rig.run(cpu1, [&](Operation& op) {
        net.serve(op, first);
        net.serve(op, second);
        done = true;
    });
    nic.bring(1);
    interrupt();
    rig.pick(cpu1);
    EXPECT_TRUE(done);
}

TEST_F(Net, WaitsForMoreThanTheRestOfAPacket) {
    set_up();
    int done = 0;
    rig.run(cpu1, [&](Operation& op) {
        net.serve(op, message(NetReceive::Fixed, 600));
        ++done;
        net.serve(op, message(NetReceive::Fixed, 600)); // 400 bytes are left of a packet of 1000
        ++done;
    });
    nic.bring(1);
    interrupt();
    rig.pick(cpu1);
    EXPECT_EQ(done, 1);
    nic.bring(1);
    interrupt();
    rig.pick(cpu1);
    EXPECT_EQ(done, 2);
}

TEST_F(Net, SendsPagesRoundOrMapsEachAnew) {
    set_up({.buffers = NetBuffers::PagePool});
    const std::uint64_t at_boot = dma.stats().pages_mapped;
    for (int i = 0; i < 3; ++i) steps_of(NetReceive::Fixed);
    EXPECT_EQ(dma.stats().pages_unmapped, 0U);
    EXPECT_LE(dma.stats().pages_mapped, at_boot + 12);
}

TEST_F(Net, UnmapsAPacketOfItsOwnPage) {
    set_up({.buffers = NetBuffers::Slab});
    const std::uint64_t before = dma.stats().pages_mapped;
    for (int i = 0; i < 3; ++i) steps_of(NetReceive::Fixed);
    EXPECT_EQ(dma.stats().pages_unmapped, 12U);
    EXPECT_EQ(dma.stats().pages_mapped, before + 12);
}

TEST_F(Net, DropsPacketsThatNobodyReceives) {
    set_up();
    nic.bring(3);
    interrupt();
    EXPECT_EQ(nic.buffers.size(), 128U); // their buffers go round
}

TEST_F(Net, MergesPacketsOfAFlowThatOnePollFinds) {
    set_up({.offload = ReceiveOffload::Gro});
    bool done = false;
    call(message(NetReceive::Fixed, 100'000), done); // a socket
    const auto stack_calls = [&](std::vector<std::uint32_t> flows, std::uint32_t bytes) {
        for (const std::uint32_t flow : flows) {
            nic.flow = flow;
            nic.bring(1, bytes);
        }
        interrupt();
        EXPECT_EQ(calls_of(KernelFunction::IpReceive) + calls_of(KernelFunction::GroMerge), flows.size());
        return calls_of(KernelFunction::IpReceive);
    };
    EXPECT_EQ(stack_calls({1, 2, 1, 1, 2}, 1000), 2U);                   // a flow need not come in one piece
    EXPECT_EQ(stack_calls({1}, 1000), 1U);                               // another poll
    EXPECT_EQ(stack_calls(std::vector<std::uint32_t>(18, 1), 1000), 2U); // 17 fragments
    EXPECT_EQ(stack_calls(std::vector<std::uint32_t>(17, 1), 4096), 2U); // 64 KiB
}

TEST_F(Net, MergesNothingWithoutGro) {
    set_up();
    bool done = false;
    call(message(NetReceive::Fixed, 100'000), done);
    nic.bring(5);
    interrupt();
    EXPECT_EQ(calls_of(KernelFunction::IpReceive), 5U);
}

TEST_F(Net, ResetsANicThatHasStopped) {
    set_up();
    interrupt();
    EXPECT_EQ(nic.resets, 0);
    nic.stopped = true;
    interrupt();
    EXPECT_EQ(nic.resets, 1);
    EXPECT_FALSE(nic.stopped);
}

TEST_F(Net, RefusesCallsThatMakeNoSense) {
    bool done = false;
    EXPECT_THROW(call(message(NetReceive::Copy, 100), done), RunError); // no NIC
    set_up();
    EXPECT_THROW(call(message(NetReceive::Copy, 0), done), RunError);
    EXPECT_THROW(call(message(NetReceive::Copy, 8ULL << 20), done), RunError);
    SyscallRecord strange = message(NetReceive::Copy, 100);
    strange.arguments[0] = 3;
    EXPECT_THROW(call(strange, done), RunError);
}

} // namespace
} // namespace pagewalk::os
