#pragma once

#include "contract/interrupt.h"
#include "contract/net_device.h"
#include "os/net/net_driver.h"
#include "tests/unit/os/task/task_rig.h"

#include <deque>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os::test {

/// A NIC whose packets a test brings, and which sends when a test says so.
struct ManualNic final : NetDevice {
    NetDeviceLimits most{.queues = 1, .ring_entries = 128, .packet_bytes = 1000};
    NetRing ring, send_ring;
    std::deque<BusAddr> buffers;
    std::deque<ReceivedPacket> received;
    std::deque<SendBuffer> to_send;
    std::size_t sent = 0; ///< descriptors that nobody has taken back
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
    void set_send_ring(CpuId, const NetRing& given) override { send_ring = given; }
    void send(CpuId, std::span<const SendBuffer> given, Tick) override {
        to_send.insert(to_send.end(), given.begin(), given.end());
    }
    std::size_t take_sent(CpuId, Tick) override { return std::exchange(sent, 0); }
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
    /// So many messages leave.
    void let_go(int messages) {
        while (messages != 0 && !to_send.empty()) {
            if (to_send.front().last) --messages;
            to_send.pop_front();
            ++sent;
        }
    }
};

/// A NIC's driver over that NIC.
struct NetRig {
    struct Raised final : InterruptController {
        std::vector<Tick> at;
        void raise(CpuId, const Interrupt& interrupt, Tick time) override {
            if (interrupt.kind == InterruptKind::Device) at.push_back(time);
        }
    };

    TaskRig rig;
    KernelObjects objects{rig.frames, {}, InitOnAlloc::Off, 1};
    PageTableMemory tables;
    DmaMapper dma{rig.frames, tables};
    InterruptLines lines;
    Raised interrupts;
    ManualNic nic;
    NetDriver net{{rig.frames, objects, dma, rig.runner}};
    KernelPath path; ///< of the last interrupt

    ~NetRig() { rig.unwind(); }
    void set_up(const NetConfig& config = {}) {
        rig.runner.connect(interrupts);
        net.configure(config);
        net.connect(nic, lines, interrupts);
        rig.run(cpu0, [&](Operation& op) { net.set_up(op, 2); });
    }
    /// A task makes the call; `done` once it has returned.
    Task& call(const SyscallRecord& record, bool& done) {
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
    /// How often the last interrupt executed a function.
    [[nodiscard]] std::size_t calls_of(KernelFunction function) const {
        std::size_t calls = 0;
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Execute && step.address == rig.costs.text(function)) ++calls;
        return calls;
    }
};

} // namespace pagewalk::os::test
