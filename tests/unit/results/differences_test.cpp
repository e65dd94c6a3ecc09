#include "results/run_reader.h"
#include "tests/unit/results/sample_run.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Differences, NoneBetweenTwoRunsOfTheSameInput) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 100);
    SampleRun().write(folder / "b.h5", 100);
    EXPECT_THAT(differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5")), IsEmpty());
}

TEST(Differences, NamesTheTableThatGrewAndNothingElse) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 100);
    SampleRun().write(folder / "b.h5", 101);
    EXPECT_THAT(differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5")),
                ElementsAre("/events/page_faults"));
}

TEST(Differences, NamesStatisticsSummaryAndHistogramsThatChanged) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", 1);
    SampleRun longer;
    longer.advance(1000);
    longer.write(folder / "b.h5", 1);
    const auto paths = differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5"));
    EXPECT_THAT(paths, Contains("/stats/core0/mmu/l2_tlb/misses"));
    EXPECT_THAT(paths, Contains("/summary/instructions"));
    EXPECT_THAT(paths, Contains("/histograms/core0/mmu/l2_tlb/walk_cycles"));
    EXPECT_THAT(paths, Not(Contains("/events/page_faults")));
    EXPECT_THAT(paths, Not(Contains("/meta/config")));
}

TEST(Differences, BlamesTheFileThatIsDamaged) {
    const ScratchFolder folder;
    SampleRun().write(folder / "whole.h5", 50'000);
    SampleRun().write(folder / "damaged.h5", 50'000);
    {
        // The last half of the compressed rows.
        std::fstream file(folder / "damaged.h5", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(folder / "damaged.h5") / 2));
        file << std::string(4096, '\x5a');
    }
    const auto blamed = [&](const char* a, const char* b) {
        try {
            (void)differences(RunReader(folder / a), RunReader(folder / b));
        } catch (const InputError& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    EXPECT_THAT(blamed("damaged.h5", "whole.h5"), HasSubstr("/damaged.h5 cannot be read"));
    EXPECT_THAT(blamed("whole.h5", "damaged.h5"), HasSubstr("/damaged.h5 cannot be read"));
}

} // namespace
} // namespace pagewalk::results
