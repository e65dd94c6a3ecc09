#include "app/sweep_folder.h"
#include "tests/unit/app/sweep_files.h"
#include "tests/unit/results/sample_run.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using State = FoundPoint::State;
using testing::ElementsAre;
using testing::HasSubstr;

class SweepFolderTest : public testing::Test {
protected:
    SweepFolderTest() : m_plan(m_files.plan("[axis.w]\noption = llc.ways\nvalues = 8, 16\n")) {
        m_plan.points[0].config = results::SampleRun::meta().config; // what the sample run says it ran
    }
    const SweepPoint& point() const { return m_plan.points[0]; }
    std::string refusal() const {
        try {
            const SweepFolder folder(m_files.folder() / "out");
            return "";
        } catch (const InputError& error) {
            return error.what();
        }
    }

    SweepFiles m_files;
    SweepPlan m_plan;
};

TEST_F(SweepFolderTest, FindsWhatIsFinishedAndWhatIsNot) {
    const SweepFolder folder(m_files.folder() / "out");
    EXPECT_EQ(folder.find(point()).state, State::Missing);
    results::SampleRun().write(folder.results(point()), 5);
    EXPECT_EQ(folder.find(point()).state, State::Finished);
    SweepPoint other = point();
    other.config = "[run]\nseed = 3\n";
    EXPECT_EQ(folder.find(other).state, State::Changed);
    EXPECT_EQ(folder.find(other).config, point().config);
    results::RunFile(folder.results(point()), results::SampleRun::meta())
        .finish(results::RunStatus::Interrupted, "", results::SampleRun().state());
    EXPECT_EQ(folder.find(point()).state, State::Finished) << "an interrupted run leaves earlier results";
    std::filesystem::remove(folder.results(point()));
    results::RunFile(folder.results(point()), results::SampleRun::meta())
        .finish(results::RunStatus::Interrupted, "", results::SampleRun().state());
    EXPECT_EQ(folder.find(point()).state, State::Unfinished);
}

TEST_F(SweepFolderTest, PutsDamagedResultsAside) {
    const SweepFolder folder(m_files.folder() / "out");
    std::ofstream(folder.results(point())) << "no results";
    EXPECT_EQ(folder.find(point()).state, State::Damaged);
    EXPECT_TRUE(std::filesystem::exists(folder.put_aside(point())));
    EXPECT_EQ(folder.find(point()).state, State::Missing);
}

TEST_F(SweepFolderTest, KnowsResultsOfNoPoint) {
    const SweepFolder folder(m_files.folder() / "out");
    results::SampleRun().write(folder.path() / "points/w=4.h5", 1);
    EXPECT_THAT(folder.strangers(m_plan), ElementsAre("w=4"));
}

TEST_F(SweepFolderTest, IsUsedOnceItsSweepWasWritten) {
    {
        const SweepFolder folder(m_files.folder() / "out");
        EXPECT_FALSE(folder.is_used());
        folder.write_configs("text", m_plan);
    }
    EXPECT_TRUE(SweepFolder(m_files.folder() / "out").is_used());
}

TEST_F(SweepFolderTest, GivesTheEndOfALog) {
    const SweepFolder folder(m_files.folder() / "out");
    EXPECT_THAT(folder.last_log_lines(point(), 2), ElementsAre());
    std::ofstream(folder.log(point())) << std::string(20'000, 'x') << "\none\n\ntwo\nthree";
    EXPECT_THAT(folder.last_log_lines(point(), 2), ElementsAre("two", "three"));
}

TEST_F(SweepFolderTest, RefusesWhatItMustNotWrite) {
    {
        const SweepFolder folder(m_files.folder() / "out");
        EXPECT_THAT(refusal(), HasSubstr("is running"));
    }
    std::ofstream(m_files.folder() / "out/thesis.tex") << "x";
    EXPECT_THAT(refusal(), HasSubstr("thesis.tex"));
    std::filesystem::remove_all(m_files.folder() / "out");
    std::ofstream(m_files.folder() / "out") << "x";
    EXPECT_THAT(refusal(), HasSubstr("no folder"));
}

TEST(ChangedOptions, ListsWhatDiffers) {
    EXPECT_THAT(
        changed_options("[a]\nx = 1\ny = 2\n[program.2]\ncommand = ls\n", "[a]\nx = 1\ny = 5\nw = 4\n"),
        ElementsAre("a.w: (absent) -> 4", "a.y: 2 -> 5", "program.2.command: ls -> (absent)"));
}

TEST(ChangedOptions, OptionsThatPagewalkHasGotOrLostSinceAreNoChange) {
    EXPECT_THAT(changed_options("[run]\nseed = 1\n", "[run]\nseed = 1\n[machine]\ncpus = 4\n"),
                testing::IsEmpty());
    EXPECT_THAT(changed_options("[run]\nseed = 1\n", "[run]\nseed = 1\n[machine]\ncpus = 8\n"),
                ElementsAre("machine.cpus: (absent) -> 8"));
    EXPECT_THAT(changed_options("[run]\nseed = 1\nformer = 3\n", "[run]\nseed = 1\n"), testing::IsEmpty());
}

} // namespace
} // namespace pagewalk::app
