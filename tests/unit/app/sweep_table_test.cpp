#include "app/sweep_table.h"
#include "tests/unit/app/sweep_files.h"
#include "tests/unit/results/sample_run.h"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;

constexpr const char* sweep = "[sweep]\nbaseline = w=16\n[axis.w]\noption = llc.ways\nvalues = 8, 16\n"
                              "[axis.s]\noption = os.slab\nvalues = slub\n";

class SweepTableTest : public testing::Test {
protected:
    template <class T>
    std::vector<T> column(const std::string& path) const {
        const results::SweepIndex index = m_table.index();
        const auto found = std::ranges::find(index.columns, path, &results::SweepColumn::path);
        EXPECT_NE(found, index.columns.end()) << path;
        return std::get<std::vector<T>>(found->values);
    }

    SweepFiles m_files;
    SweepFile m_file{m_files.write(sweep)};
    SweepPlan m_plan = make_plan(m_file);
    SweepFolder m_folder{m_files.folder() / "out"};
    SweepTable m_table{m_file, m_plan, m_folder};
};

TEST_F(SweepTableTest, HasARowAPointWhateverBecameOfIt) {
    results::SampleRun().write(m_folder.results(m_plan.points[0]), 1);
    m_folder.journal().add(m_plan.points[0].name, {PointOutcome::Finished, 2.5, 1000, ""});
    m_folder.journal().add(m_plan.points[1].name, {PointOutcome::TimedOut, 9, 0, "late"});
    m_table.add(0);
    EXPECT_THAT(column<std::string>("name"), ElementsAre("w=8,s=slub", "w=16,s=slub"));
    EXPECT_THAT(column<std::string>("outcome"), ElementsAre("finished", "timed_out"));
    EXPECT_THAT(column<std::uint64_t>("baseline"), ElementsAre(1, 1));
    EXPECT_THAT(column<std::uint64_t>("axes/w"), ElementsAre(8, 16));
    EXPECT_THAT(column<std::string>("axes/s"), ElementsAre("slub", "slub"));
    EXPECT_THAT(column<double>("seconds"), ElementsAre(2.5, 9));
    EXPECT_EQ(column<double>("summary/ipc")[0], 0.5);
    EXPECT_TRUE(std::isnan(column<double>("summary/ipc")[1]));
    EXPECT_THAT(column<std::string>("summary/status"), ElementsAre("complete", ""));
    ASSERT_EQ(m_table.index().links.size(), 1U);
    EXPECT_EQ(m_table.index().links[0].file, "points/w=8,s=slub.h5");
}

TEST_F(SweepTableTest, ReplacesTheIndexWhole) {
    m_table.write_index();
    EXPECT_TRUE(results::is_sweep_index(m_folder.index()));
    EXPECT_FALSE(std::filesystem::exists(m_folder.index().string() + ".tmp"));
}

TEST_F(SweepTableTest, CountsVersions) {
    results::SampleRun().write(m_folder.results(m_plan.points[0]), 1);
    m_table.add(0);
    ASSERT_EQ(m_table.versions().size(), 1U);
    EXPECT_EQ(m_table.versions().begin()->first, "0.1.0 (0123456789abcdef)");
}

} // namespace
} // namespace pagewalk::app
