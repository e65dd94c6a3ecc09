#include "base/scratch_folder.h"
#include "os/replay/capture_files.h"
#include "os/replay/page_replay.h"
#include "tests/validation/page_captures.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

namespace fs = std::filesystem;

class PageReplay : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {}
};

TEST_P(PageReplay, GivesTheKernelsFramesAndLeavesItsLists) {
    const ReplayReport report = replay_capture(capture_path(GetParam()), {.first_difference = true});
    EXPECT_GT(report.allocations, 1000u);
    EXPECT_TRUE(report.exact()) << report.text();
}

TEST_P(PageReplay, GivesTheSameWhenReplayedInLockOrder) {
    const ReplayReport report =
        replay_capture(capture_path(GetParam()), {.order = ReplayOrder::ZoneLocks, .first_difference = true});
    EXPECT_GT(report.allocations, 1000u);
    EXPECT_TRUE(report.exact()) << report.text();
}

INSTANTIATE_TEST_SUITE_P(Captures, PageReplay,
                         testing::Values("a-w1", "a-w2", "a-w5", "c1-w1", "c1-w2", "c1-w7", "c1-w7f",
                                         "slab-w5", "slob-w5", "slub-w5"),
                         test_name);

TEST(PageReplayKernelEvents, SufficeWhereNothingElseHappened) {
    for (const std::string name : {"a-w1", "a-w2", "a-w5", "c1-w1", "c1-w2"}) {
        const ReplayReport report = replay_capture(capture_path(name), {.kernel_events_only = true});
        EXPECT_TRUE(report.exact()) << report.text();
    }
}

TEST(PageReplayZoneChoice, PredictsEveryFailureToo) {
    const ReplayReport report = replay_capture(capture_path("c1-w7"));
    const auto predicted =
        std::ranges::find(report.checks, "failures predicted", &std::pair<std::string, std::uint64_t>::first);
    ASSERT_NE(predicted, report.checks.end());
    EXPECT_EQ(predicted->second, 9019u); // allocations of this capture that failed on the real kernel
}

/// A capture with one thing in its first snapshot changed: a rule broken, as far as the replay can tell.
class AlteredCapture {
public:
    AlteredCapture(const std::string& name, const std::string& from, const std::string& to) {
        const CaptureFiles files(capture_path(name));
        for (const std::string& file : files.names("")) {
            fs::create_directories((m_folder / file).parent_path());
            std::string text = files.read(file);
            if (file == "snapA")
                for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
                    text.replace(at, from.size(), to);
            std::ofstream(m_folder / file, std::ios::binary) << text;
        }
    }
    [[nodiscard]] std::string path() const { return m_folder.path().string(); }

private:
    ScratchFolder m_folder;
};

TEST(PageReplayNegativeControl, ADoubledBatchShows) {
    const AlteredCapture altered("a-w1", "batch 31", "batch 63");
    const ReplayReport report = replay_capture(altered.path(), {.first_difference = true});
    EXPECT_LT(report.matched, report.allocations);
    EXPECT_FALSE(report.first_difference.empty());
}

TEST(PageReplayNegativeControl, AHighMarkOnePageLowerShows) {
    const AlteredCapture altered("a-w2", "high 813 batch", "high 812 batch");
    EXPECT_FALSE(replay_capture(altered.path()).exact());
}

TEST(PageReplayNegativeControl, AMinWatermarkOneBatchHigherShows) {
    const AlteredCapture altered("c1-w7", "WMARK 0 1 min 12705", "WMARK 0 1 min 12768");
    EXPECT_FALSE(replay_capture(altered.path()).exact());
}

} // namespace
} // namespace pagewalk::os
