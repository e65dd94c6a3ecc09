#include "app/local_executor.h"
#include "base/scratch_folder.h"

#include <atomic>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

class LocalExecutorTest : public testing::Test {
protected:
    SweepJob shell(const std::string& command) {
        const std::size_t number = m_count++;
        return {number, {"/bin/sh", "-c", command}, m_folder / std::to_string(number)};
    }
    std::map<std::size_t, PointEnd> run(
        const std::vector<SweepJob>& jobs, const ExecutorLimits& limits,
        const std::function<bool()>& stop = [] { return false; }) {
        std::map<std::size_t, PointEnd> ends;
        LocalExecutor(limits).run(
            jobs, stop, [&](const SweepJob& job, const PointEnd& end) { ends[job.point] = end; },
            [&](std::size_t running) { m_most_running = std::max(m_most_running, running); });
        return ends;
    }
    std::string log(const SweepJob& job) {
        std::ostringstream text;
        text << std::ifstream(job.log).rdbuf();
        return text.str();
    }

    ScratchFolder m_folder;
    std::size_t m_count = 0;
    std::size_t m_most_running = 0;
};

TEST_F(LocalExecutorTest, TellsHowEachJobEnded) {
    const std::vector<SweepJob> jobs{shell("echo said; echo complained >&2"), shell("exit 3"),
                                     shell("kill -9 $$"), shell("cat")};
    const auto ends = run(jobs, {.jobs = 2});
    ASSERT_EQ(ends.size(), 4U);
    EXPECT_EQ(ends.at(0).outcome, PointOutcome::Finished);
    EXPECT_GT(ends.at(0).peak_memory, 100'000U);
    EXPECT_EQ(log(jobs[0]), "said\ncomplained\n");
    EXPECT_EQ(ends.at(1).outcome, PointOutcome::Failed);
    EXPECT_EQ(ends.at(1).text, "exit status 3");
    EXPECT_EQ(ends.at(2).text, "it died of SIGKILL");
    EXPECT_EQ(ends.at(3).outcome, PointOutcome::Finished) << "standard input is empty";
}

TEST_F(LocalExecutorTest, MeasuresAJobsProcessesTogether) {
    const std::string holder = "(x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 2) & ";
    const auto ends =
        run({shell(holder + "wait"), shell(holder + holder + holder + holder + "wait")}, {.jobs = 2});
    EXPECT_GT(ends.at(1).peak_memory, ends.at(0).peak_memory * 3 / 2);
}

TEST_F(LocalExecutorTest, RunsAsManyAtATimeAsItMay) {
    std::vector<SweepJob> jobs;
    for (int i = 0; i < 4; ++i) jobs.push_back(shell("sleep 0.3"));
    run(jobs, {.jobs = 2});
    EXPECT_EQ(m_most_running, 2U);
}

TEST_F(LocalExecutorTest, RunsOneAtATimeWhereMemoryIsShort) {
    std::vector<SweepJob> jobs;
    for (int i = 0; i < 3; ++i) jobs.push_back(shell("sleep 0.15"));
    const auto ends = run(jobs, {.jobs = 3, .memory_of_job = available_memory()});
    EXPECT_EQ(ends.size(), 3U);
    EXPECT_EQ(m_most_running, 1U);
}

TEST_F(LocalExecutorTest, EndsWhatTakesTooLong) {
    const auto ends =
        run({shell("exec sleep 60"), shell("true")}, {.jobs = 2, .timeout = std::chrono::seconds(1)});
    EXPECT_EQ(ends.at(0).outcome, PointOutcome::TimedOut);
    EXPECT_EQ(ends.at(1).outcome, PointOutcome::Finished);
}

TEST_F(LocalExecutorTest, StopsWhatRunsAndStartsNoMore) {
    int asked = 0;
    const auto ends = run({shell("exec sleep 60"), shell("true")}, {.jobs = 1}, [&] { return ++asked > 10; });
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends.at(0).outcome, PointOutcome::Stopped);
}

TEST_F(LocalExecutorTest, SaysWhatCannotBeStarted) {
    const SweepJob job{0, {"/absent/program"}, m_folder / "log"};
    EXPECT_EQ(run({job}, {}).at(0).outcome, PointOutcome::Failed);
    EXPECT_THAT(log(job), HasSubstr("cannot start /absent/program"));
}

} // namespace
} // namespace pagewalk::app
