#include "app/run_config.h"
#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

class RunConfigTest : public testing::Test {
protected:
    RunConfigTest() {
        run.declare(options.group("run"));
        events.declare(options.group("events"));
        workload.declare(options.group("workload"));
    }

    OptionSet options;
    RunConfig run;
    EventConfig events{{{.name = "page_faults", .kept = "page faults"},
                        {.name = "tlb_misses", .kept = "page walks", .sampling = {100}}}};
    WorkloadConfig workload;
};

TEST_F(RunConfigTest, RunsToTheEndWithoutWarmUpByDefault) {
    EXPECT_EQ(run.instructions, 0U);
    EXPECT_EQ(run.warmup, 0U);
}

TEST_F(RunConfigTest, ReadsInstructionsWithSuffixes) {
    options.set("run.instructions", "10M", "test");
    options.set("run.warmup", "2k", "test");
    EXPECT_EQ(run.instructions, 10'000'000U);
    EXPECT_EQ(run.warmup, 2'000U);
}

TEST_F(RunConfigTest, ReadsPositions) {
    options.set("run.begin_at", "marker:3@2", "test");
    options.set("run.end_at", "pc:0x401000", "test");
    run.validate(options);
    EXPECT_EQ(run.begin, (RunPosition{RunPosition::Kind::Marker, 3, 2}));
    EXPECT_EQ(run.end, (RunPosition{RunPosition::Kind::Pc, 0x401000, 1}));
}

TEST_F(RunConfigTest, RefusesPositionsThatAreNoneOrOutOfOrder) {
    const auto refusal = [&] {
        try {
            run.validate(options);
        } catch (const ConfigError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    options.set("run.begin_at", "marker:70000", "file.cfg:3");
    EXPECT_THAT(refusal(),
                testing::AllOf(testing::HasSubstr("file.cfg:3"), testing::HasSubstr("run.begin_at"),
                               testing::HasSubstr("marker:70000"), testing::HasSubstr("65535")));
    options.set("run.begin_at", "instructions:10M", "test");
    options.set("run.end_at", "instructions:10M", "test");
    EXPECT_THAT(refusal(), testing::HasSubstr("must come after run.begin_at = instructions:10M"));
}

TEST_F(RunConfigTest, LimitsTheQuantum) {
    options.set("run.quantum", "1ns", "test");
    EXPECT_EQ(run.quantum, Tick{1'000});
    options.set("run.quantum", "1ms", "test");
    EXPECT_EQ(run.quantum, Tick{1'000'000'000});
    EXPECT_THROW(options.set("run.quantum", "999ps", "test"), ConfigError);
    EXPECT_THROW(options.set("run.quantum", "2ms", "test"), ConfigError);
}

TEST_F(RunConfigTest, KeepsEventsByRate) {
    EXPECT_EQ(events.sampling("page_faults").every, 1U);
    EXPECT_EQ(events.sampling("tlb_misses").every, 100U);
    options.set("events.page_faults", "10", "test");
    options.set("events.tlb_misses", "0", "test");
    EXPECT_EQ(events.sampling("page_faults").every, 10U);
    EXPECT_EQ(events.sampling("tlb_misses").every, 0U);
    EXPECT_EQ(events.sampling("no_such_table").every, 0U);
    EXPECT_EQ(options.find("events.page_faults")->text.meaning,
              "page faults kept as events: 0 none, 1 all, N every Nth");
}

TEST_F(RunConfigTest, NamesEveryKindOfWorkload) {
    EXPECT_EQ(workload.kind, WorkloadKind::Program);
    options.set("workload.kind", "trace", "test");
    EXPECT_EQ(workload.kind, WorkloadKind::Trace);
    options.set("workload.kind", "synthetic", "test");
    EXPECT_EQ(workload.kind, WorkloadKind::Synthetic);
    options.set("workload.kind", "program", "test");
    EXPECT_EQ(workload.kind, WorkloadKind::Program);
    EXPECT_THROW(options.set("workload.kind", "file", "test"), ConfigError);
}

} // namespace
} // namespace pagewalk::app
