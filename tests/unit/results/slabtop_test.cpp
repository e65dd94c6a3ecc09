#include "base/error.h"
#include "results/slabtop.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

std::string data(const char* name) {
    std::ifstream in(std::string(PAGEWALK_SOURCE_DIR) + "/tests/data/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Slabtop, PrintsWhatTheProgramPrints) {
    EXPECT_EQ(slabtop_text(data("slabinfo_d.txt")), data("slabtop_d.txt"));
}

TEST(Slabtop, CountsNothingWhereThereIsNothing) {
    const std::string text = slabtop_text("slabinfo - version: 2.1\n# name\n");
    EXPECT_THAT(text, testing::HasSubstr("Active / Total Objects (% used)    : 0 / 0 (0.0%)\n"));
    EXPECT_THAT(text, testing::HasSubstr("Minimum / Average / Maximum Object : 0.00K / 0.00K / 0.00K\n"));
}

TEST(Slabtop, ReadsTheStatisticsFormat) {
    const std::string text = slabtop_text(
        "slabinfo - version: 2.1 (statistics)\n# name\n"
        "filp 3 16 256 16 1 : tunables 120 60 8 : slabdata 1 1 0 : globalstat 1 2 3 4 5 6 7 8 9 : cpustat "
        "1 2 3 4\n");
    EXPECT_THAT(text, testing::HasSubstr("    16      3  18%    0.25K      1       16         4K filp"));
}

TEST(Slabtop, RefusesOtherTextAndNamesTheLine) {
    try {
        (void)slabtop_text("slabinfo - version: 2.1\n# name\nMemTotal: 7 kB\n");
        FAIL() << "accepted";
    } catch (const InputError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("line 3"));
    }
    EXPECT_THROW((void)slabtop_text("filp 3 16 256 16 1 : slabdata 1 1 0\n"), InputError);
}

} // namespace
} // namespace pagewalk::results
