#include "base/error.h"
#include "os/net/net_driver.h"
#include "tests/unit/os/task/task_rig.h"

#include <algorithm>
#include <deque>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

/// A NIC whose packets a test brings.
struct ManualNic final : NetDevice {
    NetDeviceLimits most{.queues = 1, .ring_entries = 128};
    NetRing ring;
    std::deque<BusAddr> buffers;
    std::deque<ReceivedPacket> received;
    int enabled = 0;
    bool started = false;
    bool stopped = false;
    int resets = 0;
    std::uint32_t flow = 0; ///< of what is brought

    [[nodiscard]] std::uint32_t interrupt_source() const override { return 1; }
    [[nodiscard]] NetDeviceLimits limits() const override { return most; }
    void set_ring(CpuId, const NetRing& given) override { ring = given; }
    void start(Tick) override { started = true; }
    void post(CpuId, std::span<const BusAddr> posted, Tick) override {
        buffers.insert(buffers.end(), posted.begin(), posted.end());
    }
    std::size_t take_received(CpuId, Tick, std::span<ReceivedPacket> packets) override {
        std::size_t taken = 0;
        for (; taken < packets.size() && !received.empty(); received.pop_front())
            packets[taken++] = received.front();
        return taken;
    }
    void enable_interrupt(CpuId, Tick) override { ++enabled; }
    [[nodiscard]] bool has_stopped() const override { return stopped; }
    void reset(Tick) override {
        stopped = false;
        ++resets;
    }

    void bring(int count, std::uint32_t bytes = 1000) {
        for (int i = 0; i < count; ++i) {
            ASSERT_FALSE(buffers.empty());
            buffers.pop_front();
            received.push_back({.bytes = bytes, .flow = flow});
        }
    }
};

struct Raised final : InterruptController {
    std::vector<Tick> at;
    void raise(CpuId, const Interrupt& interrupt, Tick time) override {
        if (interrupt.kind == InterruptKind::Device) at.push_back(time);
    }
};

struct Net : testing::Test {
    test::TaskRig rig;
    KernelObjects objects{rig.frames, {}, InitOnAlloc::Off, 1};
    PageTableMemory tables;
    DmaMapper dma{rig.frames, tables};
    InterruptLines lines;
    Raised interrupts;
    ManualNic nic;
    NetDriver net{{rig.frames, objects, dma, rig.runner}};
    KernelPath path; ///< of the last interrupt
    std::uint32_t sockets = 0;

    void set_up(NetBuffers buffers = NetBuffers::PagePool) {
        rig.runner.connect(interrupts);
        net.configure({.buffers = buffers});
        net.connect(nic, lines, interrupts);
        rig.run(cpu0, [&](Operation& op) { net.set_up(op, 2); });
    }
    ~Net() override { rig.unwind(); }
    static SyscallRecord call(NetReceive how, std::uint64_t bytes, bool reads = true) {
        SyscallRecord record;
        record.number = static_cast<std::uint32_t>(NetCall::Receive);
        record.arguments = {static_cast<std::uint64_t>(how), bytes, reads ? 1U : 0U, 0, 0, 0};
        return record;
    }
    /// A task that receives; `done` once it has.
    Task& receive(const SyscallRecord& record, bool& done) {
        return rig.run(cpu1, [this, record, &done](Operation& op) {
            net.serve(op, record);
            done = true;
        });
    }
    void interrupt() {
        path.clear();
        PathLog log;
        Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .cpu = cpu0, .now = rig.now};
        EXPECT_TRUE(lines.deliver(op, nic.interrupt_source()));
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Effect) {
                const Effect effect = log.effects[step.count];
                effect.take_place({cpu0, rig.now});
            }
    }
    /// A message of four packets of 1000 bytes, received; returns the path of its second half.
    std::vector<KernelStep> steps_of(NetReceive how) {
        bool done = false;
        Task& task = receive(call(how, 4000), done);
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
    Task& task = receive(call(NetReceive::Copy, 2500), done);
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
    receive(call(NetReceive::Copy, 1'000'000), done);
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
    receive(call(NetReceive::Copy, 2'000'000), done);
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
    const SyscallRecord first = call(NetReceive::Fixed, 600), second = call(NetReceive::Fixed, 400);
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
        net.serve(op, call(NetReceive::Fixed, 600));
        ++done;
        net.serve(op, call(NetReceive::Fixed, 600)); // 400 bytes are left of a packet of 1000
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
    set_up(NetBuffers::PagePool);
    const std::uint64_t at_boot = dma.stats().pages_mapped;
    for (int i = 0; i < 3; ++i) steps_of(NetReceive::Fixed);
    EXPECT_EQ(dma.stats().pages_unmapped, 0U);
    EXPECT_LE(dma.stats().pages_mapped, at_boot + 12);
}

TEST_F(Net, UnmapsAPacketOfItsOwnPage) {
    set_up(NetBuffers::Slab);
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
    EXPECT_THROW(receive(call(NetReceive::Copy, 100), done), RunError); // no NIC
    set_up();
    EXPECT_THROW(receive(call(NetReceive::Copy, 0), done), RunError);
    EXPECT_THROW(receive(call(NetReceive::Copy, 8ULL << 20), done), RunError);
    SyscallRecord strange = call(NetReceive::Copy, 100);
    strange.arguments[0] = 3;
    EXPECT_THROW(receive(strange, done), RunError);
}

} // namespace
} // namespace pagewalk::os
