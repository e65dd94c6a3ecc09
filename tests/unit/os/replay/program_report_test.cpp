#include "os/replay/program_report.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

ProgramReport report() {
    ProgramReport report{.name = "split", .markers = 3};
    report.pages = {9, 10};
    report.tables = {2, 2};
    report.areas = {5, 5};
    report.differ({"4", "P0 Rss of 00400000-00401000 r--p", "4 kB", "0 kB"});
    report.differ({"5", "P0 Rss of 00500000-00501000 r--p", "8 kB", "0 kB"});
    report.differ({"5", "pgfault", "1", "2"});
    return report;
}

TEST(ProgramReport, NamesWhatTheCaptureHas) {
    EXPECT_EQ(report().line(),
              "split: 3 markers, differs: placed 9 of 10 pages, 2 of 2 tables; areas 5 of 5");
    EXPECT_EQ(report().details(true),
              "  4: P0 Rss of 00400000-00401000 r--p: real 4 kB, ours 0 kB (and 1 more)\n");
    EXPECT_NE(report().details(false).find("  5: pgfault: real 1, ours 2\n"), std::string::npos);
}

TEST(ProgramReport, IsExactWhereAllIsTheSame) {
    ProgramReport same{.name = "x"};
    same.counters = {4, 4};
    EXPECT_TRUE(same.exact());
    same.faults = {3, 4};
    EXPECT_FALSE(same.exact());
    const ProgramReport not_run{.name = "x", .not_compared = "no program"};
    EXPECT_FALSE(not_run.exact());
    EXPECT_EQ(not_run.line(), "x: not compared: no program");
}

TEST(ProgramReport, AddsUp) {
    ProgramReport sum;
    sum.add(report());
    sum.add(report());
    EXPECT_EQ(sum.totals(), "placed 18 of 20 pages, 4 of 4 tables; areas 10 of 10");
}

TEST(ProgramReport, ComesBackFromText) {
    const ProgramReport read = ProgramReport::decode(report().encode());
    EXPECT_EQ(read.line(), report().line());
    EXPECT_EQ(read.details(false), report().details(false));
}

} // namespace
} // namespace pagewalk::os
