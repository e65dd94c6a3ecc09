#include "os/replay/step_comparison.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

StepCapture step(std::string name, std::uint64_t pgfault, std::uint64_t minor, std::uint64_t rss) {
    StepCapture capture{.step = std::move(name)};
    capture.counters = {{"pgfault", pgfault}, {"nr_free_pages", 100 * pgfault}};
    capture.after = {{"pgfault", pgfault + 5}, {"nr_free_pages", 0}};
    capture.processes.push_back(
        {.who = "P0", .minor_faults = minor, .areas = {{"00400000-00401000 r--p 0", {{"Rss", rss}}}}});
    return capture;
}

struct Comparison {
    ProgramReport report{.name = "job"};
    StepComparison comparison{report, [](std::string_view name) { return name != "nr_free_pages"; }};
};

TEST(StepComparison, ComparesTheWorkBetweenTwoMarkers) {
    Comparison c;
    c.comparison.compare(step("exec", 10, 9, 4), step("exec", 1000, 0, 4));
    EXPECT_EQ(c.report.counters.total, 0U); // there is nothing before the first
    c.comparison.compare(step("1", 22, 12, 8), step("1", 1007, 3, 8));
    EXPECT_TRUE(c.report.exact()) << c.report.details(false);
    EXPECT_EQ(c.report.counters.total, 1U); // without the one that does not repeat
    EXPECT_EQ(c.report.faults.total, 2U);
    EXPECT_EQ(c.report.areas.same, 2U);
    EXPECT_EQ(c.report.sizes.same, 2U);
    EXPECT_EQ(c.report.markers, 2U);
}

TEST(StepComparison, CountsADifferenceOnce) {
    Comparison c;
    c.comparison.compare(step("exec", 0, 0, 0), step("exec", 0, 0, 0));
    c.comparison.compare(step("1", 15, 10, 0), step("1", 9, 9, 0)); // 10 in truth
    c.comparison.compare(step("2", 25, 12, 0), step("2", 14, 11, 0));
    EXPECT_EQ(c.report.counters.text(), "1 of 2");
    EXPECT_EQ(c.report.faults.text(), "3 of 4");
    EXPECT_EQ(c.report.details(true), "  1: P0 minor faults: real 10, ours 9\n");
}

TEST(StepComparison, CountsWhatWasNotReached) {
    Comparison c;
    c.comparison.miss(step("4", 10, 9, 4));
    EXPECT_EQ(c.report.areas.text(), "0 of 1");
    EXPECT_EQ(c.report.sizes.text(), "0 of 1");
    EXPECT_EQ(c.report.faults.text(), "0 of 2");
    EXPECT_EQ(c.report.counters.text(), "0 of 1");
}

TEST(StepComparison, FindsAreasThatOneSideLacks) {
    Comparison c;
    StepCapture ours = step("exec", 0, 0, 0);
    ours.processes[0].areas = {{"00500000-00501000 rw-p 0", {}}};
    c.comparison.compare(step("exec", 0, 0, 0), ours);
    EXPECT_EQ(c.report.areas.text(), "0 of 2");
    EXPECT_EQ(c.report.sizes.text(), "0 of 1");
    ours.processes.clear();
    c.comparison.compare(step("1", 5, 0, 0), ours);
    EXPECT_NE(c.report.details(false).find("P0: real runs, ours is not there"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
