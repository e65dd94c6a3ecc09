#include "base/error.h"
#include "os/block/block_layer.h"
#include "tests/unit/os/task/task_rig.h"

#include <array>
#include <deque>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;

/// Completes what it is told to.
struct ManualDisk final : BlockDevice {
    std::deque<BlockRequest> submitted;
    std::vector<Tick> times;
    std::deque<std::uint64_t> complete;

    BlockDeviceLimits most;
    BlockStatus status = BlockStatus::Done;

    [[nodiscard]] std::uint32_t interrupt_source() const override { return 0; }
    [[nodiscard]] BlockDeviceLimits limits() const override { return most; }
    void submit(const BlockRequest& request, Tick now) override {
        submitted.push_back(request);
        times.push_back(now);
    }
    std::size_t take_completions(CpuId, Tick, std::span<BlockCompletion> done) override {
        std::size_t taken = 0;
        for (; taken < done.size() && !complete.empty(); complete.pop_front())
            done[taken++] = {.tag = complete.front(), .moved = {}, .status = status};
        return taken;
    }
};

struct Requests : testing::Test {
    test::TaskRig rig;
    PageLocks locks{rig.frames, rig.runner};
    InterruptLines lines;
    PageTableMemory tables;
    DmaMapper dma{rig.frames, tables};
    BlockLayer block{locks, rig.counters};
    ManualDisk disk;
    std::array<Pfn, 4> frames;

    void SetUp() override {
        for (Pfn& frame : frames) {
            frame = *rig.allocator->allocate({.mask = gfp::kernel});
            rig.frames.pages().at(frame).refcount = 1;
            locks.lock_new(frame);
        }
    }
    /// A device with a queue in memory, of so many tags.
    void connect_queue(std::uint32_t depth, BlockConfig config = {}) {
        disk.most.depth = depth;
        block.configure(config);
        block.connect(disk, lines);
        rig.run(cpu0, [&](Operation& op) { block.set_up_queues(op, dma, 2); });
    }
    /// The device has done the request that it was told of as the i-th.
    void complete(std::size_t i) {
        disk.complete.push_back(disk.submitted[i].tag);
        interrupt();
    }
    /// The handler of the disk's interrupt.
    void interrupt() {
        KernelPath path;
        PathLog log;
        Operation op{.path = {path, rig.costs, KernelTiming::On}, .log = log, .cpu = cpu0, .now = rig.now};
        EXPECT_TRUE(lines.deliver(op, disk.interrupt_source()));
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Effect) {
                const Effect effect = log.effects[step.count];
                effect.take_place({cpu0, rig.now});
            }
    }
};

TEST_F(Requests, ReachTheDeviceWhenThePathDoes) {
    block.connect(disk, lines);
    Task& reader = rig.begin(cpu1, [&](Operation& op) { block.read(op, 800, frames); });
    EXPECT_TRUE(disk.submitted.empty());
    EXPECT_EQ(block.in_flight(), 1U);
    rig.run_path(reader);
    ASSERT_EQ(disk.submitted.size(), 1U);
    const BlockRequest& request = disk.submitted.front();
    EXPECT_EQ(request.kind, BlockRequest::Kind::Read);
    EXPECT_EQ(request.sector, 800U);
    EXPECT_EQ(request.bytes, 4 * page_size);
    EXPECT_EQ(request.cpu, cpu1);
    EXPECT_GT(disk.times.front(), Tick{}); // behind the instructions of its submission
    EXPECT_EQ(rig.counters.pgpgin, 16U);
}

TEST_F(Requests, UnlockTheirPagesWhenTheyAreComplete) {
    block.connect(disk, lines);
    bool read = false;
    Task& reader = rig.run(cpu1, [&](Operation& op) {
        block.read(op, 0, frames);
        locks.wait_until_unlocked(op, frames[3]);
        read = true;
    });
    interrupt(); // nothing is done yet
    EXPECT_TRUE(locks.is_locked(frames[0]));
    disk.complete.push_back(disk.submitted.front().tag);
    interrupt();
    for (const Pfn frame : frames) EXPECT_FALSE(locks.is_locked(frame));
    EXPECT_EQ(block.in_flight(), 0U);
    EXPECT_EQ(rig.pick(cpu1), &reader);
    EXPECT_TRUE(read);
}

TEST_F(Requests, MayCompleteInAnyOrder) {
    block.connect(disk, lines);
    rig.run(cpu0, [&](Operation& op) {
        for (const Pfn& frame : frames) block.read(op, 0, std::span(&frame, 1));
    });
    ASSERT_EQ(disk.submitted.size(), 4U);
    for (const std::size_t i : {2, 0, 3, 1}) {
        disk.complete.push_back(disk.submitted[i].tag);
        interrupt();
        EXPECT_FALSE(locks.is_locked(frames[i]));
    }
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, TellTheOwnerOfEachPageThatIsWritten) {
    struct Owner final : WrittenPages {
        std::vector<std::uint64_t> frames;
        void written(std::uint64_t frame, const Moment&) override { frames.push_back(frame); }
    } owner;
    block.connect(disk, lines);
    std::vector<BlockEvent> events;
    block.on_complete([&](const BlockEvent& event) { events.push_back(event); });
    rig.run(cpu1, [&](Operation& op) { block.write(op, 16, frames, owner); });
    ASSERT_EQ(disk.submitted.size(), 1U);
    EXPECT_EQ(disk.submitted.front().kind, BlockRequest::Kind::Write);
    EXPECT_EQ(rig.counters.pgpgout, 16U);
    EXPECT_EQ(rig.counters.pgpgin, 0U);
    disk.complete.push_back(disk.submitted.front().tag);
    interrupt();
    ASSERT_EQ(owner.frames.size(), 4U);
    EXPECT_EQ(owner.frames[3], frames[3].value());
    EXPECT_TRUE(locks.is_locked(frames[0])); // none of a write's business
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].call, BlockCall::Write);
    EXPECT_EQ(events[0].nr_sector, 32U);
    EXPECT_EQ(events[0].sector, 16U);
}

TEST_F(Requests, ThatFlushTheDeviceAreWaitedFor) {
    block.connect(disk, lines);
    int flushed = 0;
    for (int i = 0; i < 2; ++i)
        rig.run(cpu1, [&](Operation& op) {
            block.flush(op);
            ++flushed;
        });
    ASSERT_EQ(disk.submitted.size(), 2U);
    EXPECT_EQ(disk.submitted.front().kind, BlockRequest::Kind::Flush);
    disk.complete.push_back(disk.submitted.back().tag);
    interrupt();
    while (rig.pick(cpu1) != nullptr) {
    }
    EXPECT_EQ(flushed, 1);
    disk.complete.push_back(disk.submitted.front().tag);
    interrupt();
    while (rig.pick(cpu1) != nullptr) {
    }
    EXPECT_EQ(flushed, 2);
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, WaitForATagAndMergeMeanwhile) {
    connect_queue(1);
    rig.run(cpu0, [&](Operation& op) {
        block.read(op, 0, std::span(frames).first(1));
        block.read(op, 800, std::span(frames).subspan(1, 1));
        block.read(op, 808, std::span(frames).subspan(2, 2));
    });
    ASSERT_EQ(disk.submitted.size(), 1U);
    complete(0);
    EXPECT_FALSE(locks.is_locked(frames[0]));
    ASSERT_EQ(disk.submitted.size(), 2U); // both in one
    EXPECT_EQ(disk.submitted[1].sector, 800U);
    EXPECT_EQ(disk.submitted[1].bytes, 3 * page_size);
    ASSERT_EQ(disk.submitted[1].pages.size(), 3U);
    EXPECT_EQ(disk.submitted[1].pages[2], untranslated(frames[3]));
    EXPECT_TRUE(locks.is_locked(frames[1]));
    complete(1);
    for (const Pfn frame : frames) EXPECT_FALSE(locks.is_locked(frame));
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, OfAPlugGoTogetherAtItsEnd) {
    connect_queue(8);
    rig.run(cpu0, [&](Operation& op) {
        const BlockLayer::Plug plug(block, op);
        for (std::size_t i = 0; i < 3; ++i) block.read(op, 800 + i * 8, std::span(frames).subspan(i, 1));
        block.read(op, 8000, std::span(frames).subspan(3, 1));
        EXPECT_FALSE(op.may_wait());
    });
    ASSERT_EQ(disk.submitted.size(), 2U);
    EXPECT_EQ(disk.submitted[0].bytes, 3 * page_size);
    EXPECT_EQ(disk.submitted[1].sector, 8000U);
    std::vector<BlockEvent> events;
    block.on_complete([&](const BlockEvent& event) { events.push_back(event); });
    complete(0);
    EXPECT_EQ(events.size(), 3U); // each is its own
    for (const BlockEvent& event : events) EXPECT_EQ(event.nr_sector, 8U);
    complete(1);
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, AreTriedAgainAfterAnError) {
    connect_queue(8);
    rig.run(cpu0, [&](Operation& op) { block.read(op, 0, frames); });
    disk.status = BlockStatus::MediumError;
    for (std::size_t i = 0; i < 5; ++i) {
        complete(i);
        ASSERT_EQ(disk.submitted.size(), i + 2);
        EXPECT_EQ(disk.submitted.back().tag, disk.submitted.front().tag);
        EXPECT_TRUE(locks.is_locked(frames[0]));
    }
    EXPECT_THROW(complete(5), RunError);
    disk.status = BlockStatus::Done;
    complete(0);
    EXPECT_FALSE(locks.is_locked(frames[0]));
}

TEST_F(Requests, ThatAResetDeviceForgotAreGivenToItAgain) {
    connect_queue(8);
    rig.run(cpu0, [&](Operation& op) { block.read(op, 0, frames); });
    disk.status = BlockStatus::Reset;
    complete(0);
    ASSERT_EQ(disk.submitted.size(), 2U);
    disk.status = BlockStatus::Done;
    complete(1);
    EXPECT_FALSE(locks.is_locked(frames[0]));
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, OfDirectIoTellTheirOwnerOfAnErrorInTheEnd) {
    struct Owner final : DirectIoOwner {
        std::vector<BlockStatus> told;
        void io_done(std::uint64_t, BlockStatus status, const Moment&) override { told.push_back(status); }
    } owner;
    connect_queue(8);
    const auto start = [&] {
        rig.run(cpu0,
                [&](Operation& op) { block.start(op, {.bytes = 4096, .frames = {}, .owner = &owner}); });
    };
    start();
    disk.status = BlockStatus::MediumError;
    for (std::size_t i = 0; i < 6; ++i) complete(i);
    EXPECT_EQ(owner.told, std::vector{BlockStatus::MediumError});
    EXPECT_EQ(disk.submitted.size(), 6U);
    disk.status = BlockStatus::Done;
    start(); // the tag is used again, without the old error
    complete(6);
    ASSERT_EQ(owner.told.size(), 2U);
    EXPECT_EQ(owner.told[1], BlockStatus::Done);
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, ThatArePolledAreCompletedByWhoWaits) {
    connect_queue(8, {.polling = IoPolling::On});
    bool read = false;
    rig.run(cpu0, [&](Operation& op) {
        block.transfer(op, BlockRequest::Kind::Read, 0, page_size);
        read = true;
    });
    ASSERT_EQ(disk.submitted.size(), 1U);
    EXPECT_EQ(disk.submitted[0].notice, BlockRequest::Notice::Polled);
    rig.pick(cpu0);
    rig.pick(cpu0);
    EXPECT_FALSE(read);
    disk.complete.push_back(disk.submitted[0].tag);
    rig.pick(cpu0); // sees it
    rig.pick(cpu0); // goes on
    EXPECT_TRUE(read);
    EXPECT_EQ(block.in_flight(), 0U);
}

TEST_F(Requests, NeedMemoryForTheirQueues) {
    disk.most.depth = 1U << 20; // 64 MiB
    block.connect(disk, lines);
    EXPECT_THROW(rig.run(cpu0, [&](Operation& op) { block.set_up_queues(op, dma, 1); }), ConfigError);
}

TEST_F(Requests, NeedADevice) {
    EXPECT_THROW(rig.run(cpu0, [&](Operation& op) { block.read(op, 0, frames); }), RunError);
}

TEST_F(Requests, SplitAtWhatIsMappedAtATime) {
    connect_queue(8);
    const std::vector<Pfn> many(400, frames[0]);
    rig.run(cpu0, [&](Operation& op) { block.read(op, 80, many); });
    ASSERT_EQ(disk.submitted.size(), 2U);
    EXPECT_EQ(disk.submitted[0].pages.size(), 320U);
    EXPECT_EQ(disk.submitted[1].pages.size(), 80U);
    EXPECT_EQ(disk.submitted[1].sector, 80 + 320 * page_size / sector_size);
}

TEST_F(Requests, WaitForABounceBufferUntilAnotherIsUnmapped) {
    struct Owner final : DirectIoOwner {
        int done = 0;
        void io_done(std::uint64_t, BlockStatus, const Moment&) override { ++done; }
    } owner;
    disk.most.dma_bits = 24;
    connect_queue(4);
    while (rig.allocator->allocate({.mask = gfp::atomic | gfp::dma})) {
    }
    const std::vector<Pfn> pages(320, frames[0]); // all that the driver keeps in reserve
    for (int i = 0; i < 2; ++i)
        rig.run(cpu0, [&](Operation& op) {
            block.start(op, {.bytes = pages.size() * page_size, .frames = pages, .owner = &owner});
        });
    ASSERT_EQ(disk.submitted.size(), 1U);
    EXPECT_EQ(dma.stats().refused, 1U);
    complete(0);
    EXPECT_EQ(owner.done, 1);
    ASSERT_EQ(disk.submitted.size(), 2U);
    for (const BusPage page : disk.submitted[1].pages) EXPECT_LT(address_of(page).value(), 1ULL << 24);
    complete(1);
    EXPECT_EQ(owner.done, 2);
    EXPECT_EQ(dma.stats().pages_mapped, 640U);
    EXPECT_EQ(dma.stats().pages_unmapped, 640U);
}

} // namespace
} // namespace pagewalk::os
