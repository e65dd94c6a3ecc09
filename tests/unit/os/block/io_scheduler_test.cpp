#include "os/block/io_scheduler.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Kind = BlockRequest::Kind;

QueuedIo io(std::uint64_t tag, Kind kind, std::uint64_t sector, CpuId cpu = CpuId{0}, Tick since = Tick()) {
    return {.tag = tag, .kind = kind, .sector = sector, .bytes = 4096, .cpu = cpu, .since = since};
}

std::vector<std::uint64_t> drain(IoScheduler& scheduler, Tick now = Tick()) {
    std::vector<std::uint64_t> tags;
    while (const auto next = scheduler.next(now)) tags.push_back(next->tag);
    EXPECT_EQ(scheduler.waiting(), 0U);
    return tags;
}

TEST(NoIoScheduler, GivesEachCpusQueueItsTurn) {
    NoIoScheduler scheduler;
    for (std::uint64_t tag = 0; tag < 3; ++tag) scheduler.add(io(tag, Kind::Read, tag * 100));
    scheduler.add(io(10, Kind::Read, 5000, CpuId{1}));
    EXPECT_EQ(scheduler.waiting(), 4U);
    EXPECT_EQ(drain(scheduler), (std::vector<std::uint64_t>{0, 10, 1, 2}));
}

TEST(NoIoScheduler, MergesWhatFollowsAWaitingRequestOfTheSameCpu) {
    NoIoScheduler scheduler;
    scheduler.add(io(1, Kind::Write, 800));
    EXPECT_FALSE(scheduler.merge(io(2, Kind::Read, 808), 1 << 20));
    EXPECT_FALSE(scheduler.merge(io(2, Kind::Write, 816), 1 << 20));
    EXPECT_FALSE(scheduler.merge(io(2, Kind::Write, 808, CpuId{1}), 1 << 20));
    EXPECT_FALSE(scheduler.merge(io(2, Kind::Write, 808), 4096)); // too large together
    EXPECT_EQ(scheduler.merge(io(2, Kind::Write, 808), 1 << 20), 1U);
    EXPECT_EQ(scheduler.next(Tick())->bytes, 8192U);
}

TEST(DeadlineIoScheduler, SortsABatchBySector) {
    DeadlineIoScheduler scheduler;
    for (const std::uint64_t sector : {900, 100, 500, 300}) scheduler.add(io(sector, Kind::Read, sector));
    EXPECT_EQ(drain(scheduler), (std::vector<std::uint64_t>{100, 300, 500, 900}));
}

TEST(DeadlineIoScheduler, LetsReadsPassWritesTwice) {
    DeadlineIoScheduler scheduler;
    for (std::uint64_t i = 0; i < 48; ++i) scheduler.add(io(i, Kind::Read, i * 8));
    scheduler.add(io(100, Kind::Write, 80000));
    const auto order = drain(scheduler);
    ASSERT_EQ(order.size(), 49U);
    EXPECT_EQ(order[32], 100U); // behind two batches of sixteen
}

TEST(DeadlineIoScheduler, ServesFirstWhatHasExpired) {
    DeadlineIoScheduler scheduler;
    scheduler.add(io(1, Kind::Read, 9000, CpuId{0}, Tick()));
    scheduler.add(io(2, Kind::Read, 100, CpuId{0}, Tick(1)));
    EXPECT_EQ(drain(scheduler, DeadlineIoScheduler::read_expire - Tick(1)),
              (std::vector<std::uint64_t>{2, 1}));
    DeadlineIoScheduler late;
    late.add(io(1, Kind::Read, 9000, CpuId{0}, Tick()));
    late.add(io(2, Kind::Read, 100, CpuId{0}, Tick(1)));
    EXPECT_EQ(drain(late, DeadlineIoScheduler::read_expire), (std::vector<std::uint64_t>{1, 2}));
}

TEST(DeadlineIoScheduler, LetsFlushesPass) {
    DeadlineIoScheduler scheduler;
    scheduler.add(io(1, Kind::Write, 8));
    scheduler.add({.tag = 2, .kind = Kind::Flush});
    EXPECT_FALSE(scheduler.merge({.tag = 3, .kind = Kind::Flush}, 1 << 20));
    EXPECT_EQ(drain(scheduler), (std::vector<std::uint64_t>{2, 1}));
}

TEST(DeadlineIoScheduler, MergesAcrossCpus) {
    const auto scheduler = make_io_scheduler(IoSchedulerKind::MqDeadline);
    scheduler->add(io(1, Kind::Read, 800));
    EXPECT_EQ(scheduler->merge(io(2, Kind::Read, 808, CpuId{1}), 1 << 20), 1U);
    EXPECT_FALSE(scheduler->merge(io(3, Kind::Read, 792), 1 << 20));
    EXPECT_EQ(scheduler->next(Tick())->bytes, 8192U);
}

} // namespace
} // namespace pagewalk::os
