#include "base/error.h"
#include "os/net/net_sender.h"
#include "tests/unit/os/net/net_rig.h"

namespace pagewalk::os {
namespace {

using test::cpu1;

struct Sender : testing::Test, test::NetRig {
    static SyscallRecord message(std::uint64_t bytes, NetSend how = NetSend::Copy, bool writes = false) {
        SyscallRecord record;
        record.number = static_cast<std::uint32_t>(NetCall::Send);
        record.arguments = {static_cast<std::uint64_t>(how), bytes, writes ? 1U : 0U, 0, 0, 0};
        return record;
    }
    /// Returns whether the call came back at once.
    bool send(std::uint64_t bytes, NetSend how = NetSend::Copy, bool writes = false) {
        bool done = false;
        last = &call(message(bytes, how, writes), done);
        return done;
    }
    /// Those of per-CPU lists, too.
    [[nodiscard]] std::int64_t free_frames() const {
        std::int64_t frames = 0;
        for (const auto& zone : rig.allocator->zones())
            frames += zone->exact_free_pages() + zone->pcp_pages();
        return frames;
    }
    Task* last = nullptr;
};

TEST_F(Sender, TellsTheNicOfAPieceInEachPage) {
    set_up();
    EXPECT_EQ(nic.send_ring.entries, 128U);
    ASSERT_TRUE(send(10'000));
    ASSERT_EQ(nic.to_send.size(), 3U);
    EXPECT_EQ(nic.to_send[0].bytes, 4096U);
    EXPECT_EQ(nic.to_send[2].bytes, 10'000U - 8192U);
    EXPECT_FALSE(nic.to_send[1].last);
    EXPECT_TRUE(nic.to_send[2].last);
    EXPECT_TRUE(net.is_up()); // the NIC will tell
}

TEST_F(Sender, SendsSegmentsOf64KiB) {
    set_up();
    ASSERT_TRUE(send(150'000));
    ASSERT_EQ(nic.to_send.size(), 16U + 16U + 5U);
    EXPECT_TRUE(nic.to_send[15].last);
    EXPECT_TRUE(nic.to_send[31].last);
}

TEST_F(Sender, SendsPacketsWhereTheNicDoesNotCut) {
    set_up({.segmentation = Segmentation::Kernel});
    ASSERT_TRUE(send(3500));
    ASSERT_EQ(nic.to_send.size(), 4U);
    for (const SendBuffer& piece : nic.to_send) EXPECT_TRUE(piece.last);
    EXPECT_EQ(nic.to_send[3].bytes, 500U);
}

TEST_F(Sender, GivesBackWhatHasBeenSent) {
    set_up();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(send(65'536));
    const std::int64_t in_flight = free_frames();
    nic.let_go(1);
    interrupt();
    EXPECT_GE(free_frames(), in_flight + 16);
    EXPECT_TRUE(net.is_up());
    nic.let_go(1);
    interrupt();
    EXPECT_GE(free_frames(), in_flight + 32);
    EXPECT_EQ(dma.stats().pages_unmapped, 32U);
    EXPECT_EQ(calls_of(KernelFunction::NicCleanTx), 1U);
    EXPECT_FALSE(net.is_up());
}

TEST_F(Sender, CopiesOrSendsTheProgramsPages) {
    set_up();
    const auto copied = [&] {
        std::uint64_t bytes = 0;
        for (const KernelStep& step : last->path.steps())
            if (step.kind == StepKind::CopyPages) bytes += step.count;
        return bytes;
    };
    bool done = false;
    last = &rig.begin(cpu1, [&](Operation& op) {
        net.serve(op, message(9000));
        done = true;
    });
    EXPECT_EQ(copied(), 9000U);
    rig.run_path(*last);
    last = &rig.begin(cpu1, [&](Operation& op) {
        net.serve(op, message(9000, NetSend::ZeroCopy));
        done = true;
    });
    EXPECT_EQ(copied(), 0U);
    rig.run_path(*last);
    ASSERT_TRUE(done);
    const std::int64_t before = free_frames();
    nic.let_go(2);
    interrupt();
    EXPECT_GE(free_frames(), before + 3);
    EXPECT_LT(free_frames(), before + 6); // the program's pages are not freed
}

TEST_F(Sender, WaitsForRoomInTheSocketsBuffer) {
    set_up();
    const SyscallRecord record = message(65'536);
    int done = 0;
    Task& task = rig.run(cpu1, [&](Operation& op) {
        for (int i = 0; i < 4; ++i, ++done) net.serve(op, record);
    });
    EXPECT_EQ(done, 3); // 192 KiB of 208
    nic.let_go(1);
    EXPECT_EQ(rig.pick(cpu1), nullptr);
    interrupt();
    EXPECT_EQ(rig.pick(cpu1), &task);
    EXPECT_EQ(done, 4);
}

TEST_F(Sender, WaitsForDescriptors) {
    nic.most.ring_entries = 16;
    set_up();
    const SyscallRecord record = message(40'000); // ten descriptors
    int done = 0;
    Task& task = rig.run(cpu1, [&](Operation& op) {
        for (int i = 0; i < 2; ++i, ++done) net.serve(op, record);
    });
    EXPECT_EQ(done, 1);
    nic.let_go(1);
    interrupt();
    EXPECT_EQ(rig.pick(cpu1), &task);
    EXPECT_EQ(done, 2);
    EXPECT_EQ(nic.to_send.size(), 10U);
}

TEST_F(Sender, RefusesWhatMakesNoSense) {
    nic.most.ring_entries = 8;
    set_up();
    EXPECT_THROW(send(0), RunError);
    EXPECT_THROW(send(3 << 20), RunError);
    EXPECT_THROW(send(65'536), RunError); // sixteen pages never fit into the ring
    SyscallRecord strange = message(100);
    strange.arguments[0] = 2;
    bool done = false;
    EXPECT_THROW(call(strange, done), RunError);
}

} // namespace
} // namespace pagewalk::os
