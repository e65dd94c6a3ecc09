#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os::test {
namespace {

/// Keeps the rows of one table.
struct Collector final : EventSink {
    std::vector<FunctionEvent> rows;
    void append(const EventSchema&, std::span<const std::byte> bytes) override {
        const auto* first = reinterpret_cast<const FunctionEvent*>(bytes.data());
        rows.insert(rows.end(), first, first + bytes.size() / sizeof(FunctionEvent));
    }
};

/// The calls of one kernel path, while it ran one fork.
class TracedFork : public ::testing::Test {
protected:
    TracedFork() {
        machine.boot();
        (void)machine.pick();
        machine.map_anonymous(0x10000000, 16 * page_size);
        machine.touch(0x10000000);
        machine.kernel->journal().table<FunctionEvent>().connect(&collector, {1});
        machine.workload.add_child(9);
        machine.call(57, {}, 9);
        machine.kernel->journal().table<FunctionEvent>().flush();
    }
    [[nodiscard]] std::size_t find(TracedFunction function, std::size_t from = 0) const {
        for (std::size_t i = from; i < collector.rows.size(); ++i)
            if (collector.rows[i].function == function) return i;
        return collector.rows.size();
    }

    Machine machine;
    Collector collector;
};

TEST_F(TracedFork, RecordsTheWayFromTheCloneDownToThePageAllocator) {
    using enum TracedFunction;
    std::size_t at = 0;
    std::uint8_t depth = 0;
    for (const TracedFunction function : {KernelClone, CopyProcess, CopyMm, DupMm, MmAlloc}) {
        at = find(function, at);
        ASSERT_LT(at, collector.rows.size()) << name_of(function);
        EXPECT_EQ(collector.rows[at].depth, depth++) << name_of(function);
    }
    const std::size_t object = find(KmemCacheAlloc, at);
    const std::size_t init = find(MmInit, at);
    EXPECT_LT(object, init);
    at = init;
    for (const TracedFunction function : {MmInit, PgdAlloc, GetFreePages, AllocPages, GetPageFromFreelist}) {
        at = find(function, at);
        ASSERT_LT(at, collector.rows.size()) << name_of(function);
        EXPECT_EQ(collector.rows[at].depth, depth++) << name_of(function);
    }
}

TEST_F(TracedFork, NestsEveryCallInTheOneThatMadeIt) {
    std::vector<FunctionEvent> open;
    ASSERT_FALSE(collector.rows.empty());
    for (const FunctionEvent& call : collector.rows) {
        ASSERT_LE(call.depth, open.size());
        open.resize(call.depth);
        if (!open.empty()) {
            EXPECT_GE(call.time, open.back().time);
            EXPECT_LE(call.time + call.duration, open.back().time + open.back().duration);
        }
        open.push_back(call);
    }
}

TEST(FunctionTrace, KeepsThePathAsItIsWhenOff) {
    const auto steps_of_a_fork = [](EventSampling sampling) {
        Machine machine;
        Collector collector;
        machine.boot();
        (void)machine.pick();
        machine.kernel->journal().table<FunctionEvent>().connect(&collector, sampling);
        machine.workload.add_child(9);
        const PathTotals totals = machine.call(57, {}, 9);
        machine.kernel->journal().table<FunctionEvent>().flush();
        EXPECT_EQ(collector.rows.empty(), sampling.every == 0);
        return totals;
    };
    const PathTotals off = steps_of_a_fork({0}), on = steps_of_a_fork({1});
    EXPECT_EQ(off.instructions, on.instructions);
    EXPECT_LT(off.steps, on.steps); // marks
}

} // namespace
} // namespace pagewalk::os::test
