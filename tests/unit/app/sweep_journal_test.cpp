#include "app/sweep_journal.h"
#include "base/error.h"
#include "base/scratch_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(SweepJournal, ReadsBackWhatItWroteTheLastLineOfAPointWinning) {
    const ScratchFolder folder;
    {
        SweepJournal journal(folder / "journal.tsv");
        journal.add("a", {PointOutcome::Failed, 1, 100, "exit status\t1\nmore"});
        journal.add("b", {PointOutcome::Finished, 2, 300, ""});
        journal.add("a", {PointOutcome::Finished, 4, 200, ""});
    }
    const SweepJournal journal(folder / "journal.tsv");
    ASSERT_EQ(journal.ends().size(), 2U);
    EXPECT_EQ(journal.ends().at("a").outcome, PointOutcome::Finished);
    EXPECT_EQ(journal.peak_memory(), 300U);
    EXPECT_EQ(journal.mean_seconds(), 3.0);
}

TEST(SweepJournal, OverlooksACutLineAndGoesOnBehindIt) {
    const ScratchFolder folder;
    std::ofstream(folder / "journal.tsv") << "a\tfinished\t1.000\t5\t\nb\tfini";
    {
        SweepJournal journal(folder / "journal.tsv");
        EXPECT_EQ(journal.ends().size(), 1U);
        journal.add("c", {PointOutcome::TimedOut, 1, 1, "late"});
    }
    const SweepJournal journal(folder / "journal.tsv");
    ASSERT_EQ(journal.ends().size(), 2U);
    EXPECT_EQ(journal.ends().at("c").outcome, PointOutcome::TimedOut);
    EXPECT_EQ(journal.ends().at("c").text, "late");
}

TEST(SweepJournal, SaysWhatItCannotWrite) {
    const ScratchFolder folder;
    SweepJournal journal(folder / "absent/journal.tsv");
    EXPECT_THROW(journal.add("a", {}), RunError);
}

} // namespace
} // namespace pagewalk::app
