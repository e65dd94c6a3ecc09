#include "app/sweep_axis.h"
#include "tests/unit/app/sweep_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> labels(const SweepFiles& files, const std::string& axis) {
    std::vector<std::string> labels;
    for (const AxisValue& value : files.plan("[axis.a]\n" + axis).axes.front().values)
        labels.push_back(value.label);
    return labels;
}

TEST(SplitList, CutsAtCommasOutsideQuotes) {
    EXPECT_THAT(split_list("1, 2 ,3"), ElementsAre("1", "2", "3"));
    EXPECT_THAT(split_list("'a, b', c \"d, e\""), ElementsAre("a, b", "c \"d, e\""));
    EXPECT_THAT(split_list("a,,b"), ElementsAre("a", "", "b"));
    EXPECT_THAT(split_list(" "), ElementsAre());
}

TEST(SweepAxis, HasListsAndRangesInTheOptionsUnit) {
    const SweepFiles files;
    EXPECT_THAT(labels(files, "option = synthetic.gups.table\nvalues = 4096KiB, 8MiB\n"),
                ElementsAre("4MiB", "8MiB"));
    EXPECT_THAT(labels(files, "option = synthetic.gups.table\nrange = 4MiB to 20MiB step 8MiB\n"),
                ElementsAre("4MiB", "12MiB", "20MiB"));
    EXPECT_THAT(labels(files, "option = mmu.l2_tlb.entries\nrange = 64 to 600 times 2\n"),
                ElementsAre("64", "128", "256", "512"));
    const SweepAxis axis =
        files.plan("[axis.a]\noption = synthetic.gups.table\nvalues = 4MiB\n").axes.front();
    EXPECT_EQ(axis.unit, Unit::Bytes);
    EXPECT_EQ(axis.values.front().number, 4ULL << 20);
}

TEST(SweepAxis, OfTextsHasNoNumbersAndTakesNames) {
    const SweepFiles files;
    const SweepAxis axis =
        files.plan("[axis.a]\noption = workload.program\nvalues = 'ls -l', true\nnames = list, nothing\n")
            .axes.front();
    EXPECT_FALSE(axis.is_numeric());
    EXPECT_EQ(axis.values[0].text, "ls -l");
    EXPECT_EQ(axis.values[0].label, "list");
}

TEST(SweepAxis, NamesMistakesWithTheirLine) {
    const SweepFiles files;
    const auto refusal = [&](const std::string& axis) { return files.refusal("[axis.a]\n" + axis); };
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nvalues = 64, many\n"),
                AllOf(HasSubstr("sweep.cfg:3"), HasSubstr("many")));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nvalues = 64, 70000\n"), HasSubstr("out of range"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entires\nvalues = 64\n"),
                HasSubstr("did you mean 'mmu.l2_tlb.entries'"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\n"), HasSubstr("either values or range"));
    EXPECT_THAT(refusal("values = 64\n"), HasSubstr("either option or files"));
    EXPECT_THAT(refusal("files = a.cfg\nvalues = 64\n"), HasSubstr("no effect beside files"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nvalues = 64, 64\n"), HasSubstr("twice"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nvalues = 64, 128\nnames = a\n"), HasSubstr("1 of 2"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nrange = 64 to 128\n"), HasSubstr("step STEP"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nrange = 128 to 64 step 2\n"), HasSubstr("ends before"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nrange = 64 to 128 times 1\n"),
                HasSubstr("factor of at least 2"));
    EXPECT_THAT(refusal("option = mmu.l2_tlb.entries\nrange = 64 to 128 step 0\n"),
                HasSubstr("step of at least 1"));
    EXPECT_THAT(refusal("option = run.seed\nvalues = 1\n"), HasSubstr("sweep.repeats"));
}

} // namespace
} // namespace pagewalk::app
