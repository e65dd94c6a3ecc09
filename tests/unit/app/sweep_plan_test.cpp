#include "app/sweep_plan.h"
#include "app/system_config.h"
#include "tests/unit/app/sweep_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* two_axes = "[axis.tlb]\noption = mmu.l2_tlb.entries\nvalues = 512, 1024\n"
                                 "[axis.slab]\noption = os.slab\nvalues = slub, slob\n";

std::vector<std::string> names(const SweepPlan& plan) {
    std::vector<std::string> names;
    for (const SweepPoint& point : plan.points) names.push_back(point.name);
    return names;
}

TEST(SweepPlan, GoesThroughAllPairsWithTheFirstAxisSlowest) {
    EXPECT_THAT(names(SweepFiles().plan(two_axes)), ElementsAre("tlb=512,slab=slub", "tlb=512,slab=slob",
                                                                "tlb=1024,slab=slub", "tlb=1024,slab=slob"));
}

TEST(SweepPlan, ZippedAxesGoInStep) {
    const SweepFiles files;
    const std::string text = "[axis.tlb]\noption = mmu.l2_tlb.entries\nvalues = 512, 1024\nzip = x\n"
                             "[axis.slab]\noption = os.slab\nvalues = slub, slob\nzip = x\n";
    EXPECT_THAT(names(files.plan(text)), ElementsAre("tlb=512,slab=slub", "tlb=1024,slab=slob"));
    EXPECT_THAT(files.refusal(text + "[axis.ways]\noption = llc.ways\nvalues = 8\nzip = x\n"),
                AllOf(HasSubstr("1 values"), HasSubstr("axis tlb has 2")));
}

TEST(SweepPlan, RefusesAZipOfOneAxis) {
    EXPECT_THAT(SweepFiles().refusal("[axis.w]\noption = llc.ways\nvalues = 8\nzip = x\n"),
                HasSubstr("no effect"));
}

TEST(SweepPlan, TellsOfAxesWithoutEffect) {
    const SweepFiles files;
    EXPECT_THAT(files.plan("[axis.s]\noption = os.swappiness\nvalues = 10, 60\n").notes,
                ElementsAre("axis s: os.swappiness has no effect in any point: it wants os.swap"));
    EXPECT_THAT(files
                    .plan("[axis.s]\noption = os.swappiness\nvalues = 10, 60\n"
                          "[axis.swap]\noption = os.swap\nvalues = 0, 64MiB\n")
                    .notes,
                ElementsAre("axis s: os.swappiness has no effect in 2 of 4 points: it wants os.swap"));
    EXPECT_THAT(files.plan(two_axes).notes, testing::IsEmpty());
}

TEST(SweepPlan, RepeatsHaveSeedsOfTheirOwn) {
    const SweepPlan plan =
        SweepFiles().plan("[run]\nseed = 7\n[sweep]\nrepeats = 2\n[axis.w]\noption = llc.ways\nvalues = 8\n");
    EXPECT_THAT(names(plan), ElementsAre("w=8,repeat=1", "w=8,repeat=2"));
    EXPECT_EQ(plan.points[0].seed, 7U);
    EXPECT_EQ(plan.points[1].seed, 8U);
    EXPECT_THAT(plan.points[1].config, HasSubstr("seed = 8\n"));
}

TEST(SweepPlan, FilterLeavesPointsOut) {
    const SweepFiles files;
    EXPECT_THAT(names(files.plan(std::string("[sweep]\nfilter = tlb > 512 and slab != slob\n") + two_axes)),
                ElementsAre("tlb=1024,slab=slub"));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nfilter = tlb > 2000\n") + two_axes),
                AllOf(HasSubstr("sweep.cfg:2"), HasSubstr("leaves no point")));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nfilter = tbl > 2000\n") + two_axes),
                AllOf(HasSubstr("'tbl'"), HasSubstr("axes are tlb, slab")));
}

TEST(SweepPlan, BaselineIsTheSamePointWithOtherValues) {
    const SweepFiles files;
    const SweepPlan plan = files.plan(std::string("[sweep]\nbaseline = tlb=512\n") + two_axes);
    ASSERT_EQ(plan.points.size(), 4U);
    EXPECT_EQ(plan.points[0].baseline, 0U);
    EXPECT_EQ(plan.points[2].baseline, 0U);
    EXPECT_EQ(plan.points[3].baseline, 1U);
    EXPECT_THAT(files.refusal(std::string("[sweep]\nbaseline = tlb=8\n") + two_axes),
                HasSubstr("it has 512, 1024"));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nbaseline = x=8\n") + two_axes),
                HasSubstr("axes are tlb, slab"));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nfilter = tlb > 512\nbaseline = tlb=512\n") + two_axes),
                HasSubstr("no point that the filter leaves"));
}

TEST(SweepPlan, NamesAreTheUsersAndFitForFiles) {
    const SweepFiles files;
    EXPECT_THAT(names(files.plan(
                    "[sweep]\nname = run {p}\n[axis.p]\noption = workload.program\nvalues = 'ls /', 'a'\n")),
                ElementsAre("run_ls__", "run_a"));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nname = {tlb}\n") + two_axes),
                HasSubstr("two points '512'"));
    EXPECT_THAT(files.refusal(std::string("[sweep]\nname = {x}\n") + two_axes),
                HasSubstr("axes are tlb, slab"));
}

TEST(SweepPlan, ConfigurationsAreWholeAndLoadBackToThemselves) {
    const SweepFiles files;
    files.write("[machine]\ncpus = 2\nsockets = 2\n", "dual.cfg");
    files.write("[machine]\ncpus = 1\n", "single.cfg");
    const SweepPlan plan = files.plan("[axis.machine]\nfiles = dual.cfg, single.cfg\n");
    ASSERT_THAT(names(plan), ElementsAre("machine=dual", "machine=single"));
    SystemConfig config;
    load_config_file(files.write(plan.points[0].config, "point.cfg"), config.options);
    config.validate();
    EXPECT_EQ(config.machine.sockets, 2U);
    EXPECT_EQ(config.options.resolved(), plan.points[0].config);
}

TEST(SweepPlan, RefusesPointsThatAreNoMachine) {
    EXPECT_THAT(
        SweepFiles().refusal("[machine]\nsockets = 2\n[axis.cpus]\noption = machine.cpus\nvalues = 2, 3\n"),
        AllOf(HasSubstr("point cpus=3"), HasSubstr("machine.sockets")));
}

TEST(SweepPlan, RefusesTwoAxesOfOneOption) {
    EXPECT_THAT(
        SweepFiles().refusal(std::string(two_axes) + "[axis.other]\noption = os.slab\nvalues = slab\n"),
        HasSubstr("option of axis slab too"));
}

TEST(SweepPlan, KnowsHowManyInstructionsAPointRuns) {
    const SweepFiles files;
    const auto expected = [&](const std::string& text) {
        return files.plan(text + "[axis.w]\noption = llc.ways\nvalues = 8\n").points[0].instructions;
    };
    EXPECT_EQ(expected("[run]\nwarmup = 1M\ninstructions = 2M\n"), 3'000'000U);
    EXPECT_EQ(expected("[workload]\nkind = synthetic\n[synthetic]\ninstructions = 5M\n"), 5'000'000U);
    EXPECT_EQ(expected("[workload]\nprogram = ls\n"), 0U);
}

} // namespace
} // namespace pagewalk::app
