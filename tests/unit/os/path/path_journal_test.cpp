#include "os/path/path_journal.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os::test {
namespace {

/// Keeps the rows of one table.
template <class Event>
struct Rows final : EventSink {
    std::vector<Event> rows;
    void append(const EventSchema&, std::span<const std::byte> bytes) override {
        const std::size_t old = rows.size();
        rows.resize(old + bytes.size() / sizeof(Event));
        std::memcpy(&rows[old], bytes.data(), bytes.size());
    }
};

class PathJournalTest : public ::testing::Test {
protected:
    template <class Event>
    std::vector<Event> rows_of(EventLog<Event>& table, std::uint64_t every = 1) {
        Rows<Event> rows;
        table.connect(&rows, {every});
        m_journal.write(m_path, m_log, {TaskId{7}, CpuId{2}});
        m_journal.write_fault(m_path, m_log, Tick(900));
        table.flush();
        table.connect(nullptr, {});
        return rows.rows;
    }
    std::uint32_t mark_at(std::uint64_t time) {
        const std::uint32_t mark = m_path.mark();
        m_path.set_mark(mark, Tick(time));
        return mark;
    }

    KernelCounters m_counters;
    KernelPath m_path;
    PathLog m_log;
    PathJournal m_journal{m_counters, {"pages", "dentry"}};
};

TEST_F(PathJournalTest, TimesAnAllocationByItsMarks) {
    const std::uint32_t begin = mark_at(100), end = mark_at(160);
    m_log.allocations.push_back({{.pfn = 5, .source = AllocationSource::Buddy}, begin, end});
    const auto rows = rows_of(m_journal.table<AllocationEvent>());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].time, 100U);
    EXPECT_EQ(rows[0].latency, 60U);
    EXPECT_EQ(rows[0].pfn, 5U);
    EXPECT_EQ(m_counters.all_allocation_latency.sum(), 60U);
    const auto buddy = static_cast<std::size_t>(AllocationSource::Buddy);
    EXPECT_EQ(m_counters.allocation_latency[buddy].count(), 1U);
    EXPECT_EQ(m_counters.allocations[buddy], 1U);
}

TEST_F(PathJournalTest, LeavesOutWhatThePathHasNotCompleted) {
    const std::uint32_t begin = mark_at(100), end = m_path.mark();
    m_log.allocations.push_back({{}, begin, end});
    m_log.driver_calls.push_back({{}, begin, end});
    m_log.objects.push_back({{}, begin, end});
    EXPECT_TRUE(rows_of(m_journal.table<AllocationEvent>()).empty());
    EXPECT_TRUE(rows_of(m_journal.table<DriverEvent>()).empty());
    EXPECT_TRUE(rows_of(m_journal.table<KmemEvent>()).empty());
    EXPECT_EQ(m_counters.all_allocation_latency.count() + m_counters.all_object_latency.count(), 0U);
    EXPECT_EQ(m_counters.allocations[0], 0U); // as many as have a row
}

TEST_F(PathJournalTest, KeepsEveryNthRowButEveryLatency) {
    for (std::uint64_t i = 0; i < 6; ++i) {
        const std::uint32_t begin = mark_at(100 * i), end = mark_at(100 * i + 10);
        m_log.allocations.push_back({{.pfn = i}, begin, end});
    }
    const auto rows = rows_of(m_journal.table<AllocationEvent>(), 3);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].pfn, 2U);
    EXPECT_EQ(rows[1].pfn, 5U);
    EXPECT_EQ(m_counters.all_allocation_latency.count(), 6U);
}

TEST_F(PathJournalTest, EndsAFaultNowAndStartsItWhereItBegan) {
    m_log.fault_begin = mark_at(300);
    m_log.fault = {.address = 0x1000, .kind = FaultKind::FileMap};
    EXPECT_TRUE(rows_of(m_journal.table<FaultEvent>()).empty());
    m_log.has_fault = true;
    const auto rows = rows_of(m_journal.table<FaultEvent>());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].time, 300U);
    EXPECT_EQ(rows[0].latency, 600U);
    EXPECT_EQ(m_counters.fault_latency[static_cast<std::size_t>(FaultKind::FileMap)].count(), 1U);
}

TEST_F(PathJournalTest, SamplesFunctionCallsByPath) {
    EXPECT_EQ(m_journal.recording(), FunctionCalls::Recording::Off);
    m_log.functions.set_recording(FunctionCalls::Recording::On);
    for (const TracedFunction function : {TracedFunction::Kmalloc, TracedFunction::Kfree}) {
        const std::size_t call = m_log.functions.enter(function, m_path);
        m_log.functions.leave(call, m_path);
    }
    for (const FunctionCalls::Call& call : m_log.functions.calls()) {
        m_path.set_mark(call.entry, Tick(10));
        m_path.set_mark(call.exit, Tick(14));
    }
    EXPECT_TRUE(rows_of(m_journal.table<FunctionEvent>(), 2).empty());
    const auto rows = rows_of(m_journal.table<FunctionEvent>());
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[1].function, TracedFunction::Kfree);
    EXPECT_EQ(rows[1].duration, 4U);
    EXPECT_EQ(rows[1].task, 7U);
    EXPECT_EQ(rows[1].cpu, 2U);
}

TEST_F(PathJournalTest, TellsWhoWasKilledAndWhy) {
    Rows<KillEvent> rows;
    m_journal.table<KillEvent>().connect(&rows, {1});
    m_journal.write_kill({.time = Tick(9), .task = 3, .address = 0xdead, .access = 1});
    m_journal.write_kill({.time = Tick(10), .task = 4, .reason = KillReason::OutOfMemory});
    m_journal.table<KillEvent>().flush();
    ASSERT_EQ(rows.rows.size(), 2U);
    EXPECT_EQ(rows.rows[0].address, 0xdeadU);
    EXPECT_EQ(rows.rows[0].access, FaultAccess::Write);
    EXPECT_EQ(rows.rows[1].reason, KillReason::OutOfMemory);
    EXPECT_EQ(rows.rows[1].task, 4U);
}

TEST_F(PathJournalTest, KeepsUnrunObjectCallsWithTheTimeTheyCameWith) {
    Rows<KmemEvent> rows;
    m_journal.table<KmemEvent>().connect(&rows, {1});
    m_log.objects.push_back({{.time = 44, .cache = 1}, 0, 0});
    m_journal.write_unrun(m_log);
    m_journal.write(m_path, m_log, {});
    m_journal.table<KmemEvent>().flush();
    ASSERT_EQ(rows.rows.size(), 2U);
    for (const KmemEvent& row : rows.rows) {
        EXPECT_EQ(row.time, 44U);
        EXPECT_EQ(row.latency, 0U);
    }
    EXPECT_EQ(m_counters.all_object_latency.count(), 0U);
}

} // namespace
} // namespace pagewalk::os::test
