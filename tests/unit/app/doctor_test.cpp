#include "app/doctor.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using State = Finding::State;
using testing::ContainsRegex;

TEST(Doctor, FailsOnlyWhereSomethingIsMissing) {
    std::ostringstream out;
    const std::vector<Finding> limited{{State::Good, "memory", "4 GiB"}, {State::Limited, "slurm", "none"}};
    EXPECT_EQ(print_findings(limited, out), 0);
    EXPECT_THAT(out.str(), ContainsRegex("limited +slurm +none"));
    const std::vector<Finding> missing{{State::Missing, "results", "no folder"}};
    EXPECT_EQ(print_findings(missing, out), 1);
    EXPECT_THAT(out.str(), ContainsRegex("MISSING +results"));
}

TEST(Doctor, SaysSomethingOfEverything) {
    const std::vector<Finding> findings = examine_host();
    EXPECT_GE(findings.size(), 8U);
    for (const Finding& finding : findings) EXPECT_FALSE(finding.text.empty()) << finding.subject;
}

} // namespace
} // namespace pagewalk::app
