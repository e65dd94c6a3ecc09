#include "base/error.h"
#include "os/replay/lock_order_replay.h"
#include "os/replay/page_replay.h"
#include "os/replay/page_snapshot.h"
#include "os/replay/sequential_replay.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr const char* snapshot_text =
    "SNAP 0 cpus 2 nodes 1 pageblock_order 9 max_order 11 pcp_lists 14 migrate_types 5\n"
    "ZONE 0 1 DMA32 start 1000 spanned 4096 present 4096 managed 4096\n"
    "WMARK 0 1 min 1 low 2 high 3 promo 4 boost 0 flags 0 highatomic 0 isolate 0\n"
    "ZSTAT 0 1 2048 0\n"
    "NRFREE 0 1 10 2\n"
    "FL 0 1 10 1 : 1400 1800\n"
    "PCP 0 1 0 count 2 high 100 batch 7 free_factor 0 expire 0\n"
    "PL 0 1 0 1 : 1010/1 1011/1\n"
    "PCP 0 1 1 count 0 high 100 batch 7 free_factor 0 expire 0\n"
    "PB 0 1 1000 8 1\n"
    "PF 1000 1024 1000\n"
    "END trunc 0\n";

PageTraceEvent alloc_event(std::uint64_t sequence, std::uint64_t frame, std::uint16_t cpu = 0,
                           bool interrupt = false) {
    PageTraceEvent event;
    event.kind = PageEventKind::Alloc;
    event.sequence = sequence;
    event.frame = Pfn(frame);
    event.mask = gfp::highuser_movable.bits();
    event.type = static_cast<std::uint8_t>(Migratetype::Movable);
    event.cpu = cpu;
    event.pid = 1;
    event.flags = interrupt ? 8 : 0;
    return event;
}

PageTraceEvent free_event(std::uint64_t sequence, std::uint64_t frame, unsigned order,
                          std::uint16_t cpu = 0) {
    PageTraceEvent event;
    event.kind = PageEventKind::Free;
    event.sequence = sequence;
    event.frame = Pfn(frame);
    event.order = static_cast<std::uint8_t>(order);
    event.cpu = cpu;
    event.pid = 1;
    return event;
}

PageTraceEvent commit_event(std::uint64_t sequence, std::uint64_t frame, bool interrupt) {
    PageTraceEvent event = free_event(sequence, frame, 0);
    event.kind = PageEventKind::Page;
    event.which = gt::page_pcp_commit;
    event.x = static_cast<std::uint32_t>(Migratetype::Movable);
    event.flags = interrupt ? 8 : 0;
    return event;
}

class Replay : public testing::Test {
protected:
    Replay()
        : m_snapshot(PageSnapshot::parse(snapshot_text, "snapA")),
          m_state(m_snapshot, {.first_difference = true}, m_report) {}

    void in_calls(const std::vector<PageTraceEvent>& events) { SequentialReplay(m_state, m_log).run(events); }
    void in_lock_order(const std::vector<PageTraceEvent>& events) { LockOrderReplay(m_state, 2).run(events); }

    PageSnapshot m_snapshot;
    WorkloadLog m_log;
    ReplayReport m_report;
    ReplayState m_state;
};

TEST_F(Replay, CountsWhatMatches) {
    in_calls({alloc_event(1, 0x1010), alloc_event(2, 0x1011)});
    EXPECT_EQ(m_report.matched, 2u);
    EXPECT_EQ(m_report.summary(),
              "matched 2 of 2 allocations (100.0000 %), final state 0 of 0 lists identical");
}

TEST_F(Replay, CountsOneDifferenceOnceAndGoesOn) {
    in_calls({alloc_event(1, 0x1011), alloc_event(2, 0x1010)}); // the kernel took the second frame first
    EXPECT_EQ(m_report.allocations, 2u);
    EXPECT_EQ(m_report.matched, 1u);
    EXPECT_NE(m_report.first_difference.find("frame 0x1011"), std::string::npos);
    EXPECT_NE(m_report.first_difference.find("model: frame 0x1010"), std::string::npos);
}

TEST_F(Replay, FailuresThatTheModelDoesNotPredictAreDifferences) {
    in_calls({alloc_event(1, no_pfn.value())});
    EXPECT_EQ(m_report.allocations, 1u);
    EXPECT_EQ(m_report.matched, 0u);
}

TEST_F(Replay, EventsOutsideTheSnapshotAreTheInputsFault) {
    EXPECT_THROW(in_calls({alloc_event(1, 0x9999999)}), InputError);
    EXPECT_THROW(in_calls({free_event(1, 0x1010, 12)}), InputError);
    PageTraceEvent contradictory = alloc_event(1, 0x1010);
    contradictory.mask |= gfp::dma_zone.bits();
    EXPECT_THROW(in_calls({contradictory}), InputError);
    EXPECT_THROW(in_lock_order({alloc_event(1, 0x1010, 7)}), InputError);
}

TEST_F(Replay, ABlockFreedDirectlyTakesEffectWithItsLockEvent) {
    PageTraceEvent lock;
    lock.kind = PageEventKind::Zone;
    lock.which = gt::zone_direct_free;
    lock.zone = 1;
    lock.a = 512;
    PageTraceEvent other = free_event(2, 0x1800 + 1024, 10, 1);
    PageTraceEvent other_lock = lock;
    other_lock.cpu = 1;
    other_lock.a = 1024;
    // CPU 0's free is announced first, but CPU 1 gets the lock first.
    PageTraceEvent large = free_event(1, 0x1200, 10);
    large.frame = Pfn(0x1000);
    PageTraceEvent large_lock = lock;
    large_lock.a = 1024;
    in_lock_order({large, other, other_lock, large_lock});
    EXPECT_EQ(m_state.allocator().zones()[0]->areas[10].lists[1].frames(m_state.allocator().pages()),
              (std::vector{Pfn(0x1000), Pfn(0x1c00), Pfn(0x1400), Pfn(0x1800)}));
}

TEST_F(Replay, AnInterruptBetweenTakingAndReportingAFrameIsUnderstood) {
    // The task took 0x1010; before its report an interrupt freed 0x1c50 to the head of the list.
    PageTraceEvent freed = free_event(1, 0x1c50, 0);
    freed.flags = 8;
    in_lock_order({freed, commit_event(2, 0x1c50, true), alloc_event(3, 0x1010), alloc_event(4, 0x1c50)});
    EXPECT_EQ(m_report.matched, 2u) << m_report.first_difference;
}

TEST_F(Replay, AnInterruptThatAllocatesInBetweenTakesTheNextFrame) {
    in_lock_order({alloc_event(1, 0x1011, 0, true), alloc_event(2, 0x1010)});
    EXPECT_EQ(m_report.matched, 2u) << m_report.first_difference;
}

TEST_F(Replay, DrainsAndRefillsOfTheWrongSizeShow) {
    PageTraceEvent refill;
    refill.kind = PageEventKind::Zone;
    refill.which = gt::zone_refill;
    refill.zone = 1;
    refill.cpu = 1;
    refill.a = 1 << 8; // order 0, movable
    refill.b = 6;      // the list's batch is 7
    in_lock_order({refill});
    m_state.finish();
    ASSERT_EQ(m_report.checks.size(), 1u);
    EXPECT_EQ(m_report.checks[0].first, "refills of another size");
}

} // namespace
} // namespace pagewalk::os
