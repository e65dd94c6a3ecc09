#include "results/summary_text.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(SummaryPage, ColourMarksTitlesAndStatusOnlyWhenAskedFor) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 1);
    const RunReader run(folder / "run.h5");
    EXPECT_THAT(summary_page(run, Colour::On),
                AllOf(HasSubstr("\x1b[1mExecution\x1b[0m"), HasSubstr("\x1b[32mcomplete")));
    EXPECT_THAT(summary_page(run, Colour::Off), Not(HasSubstr("\x1b")));
}

TEST(SummaryPage, ARunWithoutStatisticsStillHasAPageThatSaysWhy) {
    const ScratchFolder folder;
    const SampleRun sample;
    RunFile file(folder / "run.h5", SampleRun::meta());
    file.finish(RunStatus::Interrupted, "stopped by the user after 3 s", RunState{});
    const std::string page = summary_page(RunReader(folder / "run.h5"), Colour::Off);
    EXPECT_THAT(page, HasSubstr("interrupted: stopped by the user after 3 s"));
    EXPECT_THAT(page, Not(HasSubstr("Execution")));
}

TEST(SummaryPage, TellsOptionsThatHadNoEffect) {
    const ScratchFolder folder;
    const SampleRun sample;
    RunMeta meta = SampleRun::meta();
    meta.no_effect = "os.swappiness = 10 (a.cfg:3) has no effect: it wants os.swap\n";
    RunFile(folder / "run.h5", meta).finish(RunStatus::Complete, "", sample.state());
    const std::string page = summary_page(RunReader(folder / "run.h5"), Colour::Off);
    EXPECT_THAT(page, HasSubstr("no effect os.swappiness = 10 (a.cfg:3)"));
}

TEST(SummaryPage, TellsRatesAndLatenciesOfBlockRequests) {
    const ScratchFolder folder;
    StatRegistry registry;
    Histogram reads, writes;
    for (int i = 0; i < 90; ++i) reads.add(16'000'000); // 16 us
    for (int i = 0; i < 10; ++i) reads.add(64'000'000);
    const std::uint64_t cycles = 2'000'000, none = 0, pgpgin = 400; // KiB
    registry.group("cpu0").counter("user_cycles", cycles, "cycles", "");
    registry.group("kernel").counter("pgpgin", pgpgin, "KiB", "");
    registry.group("kernel").counter("pgpgout", none, "KiB", "");
    registry.group("kernel/block").histogram("read_latency", reads, "ps", "");
    registry.group("kernel/block").histogram("sync_write_latency", writes, "ps", "");
    RunMeta meta = SampleRun::meta();
    meta.config = "[core]\nfrequency = 1GHz\n"; // 2 ms
    RunState state{.registry = &registry, .measured = registry.snapshot()};
    RunFile(folder / "run.h5", meta).finish(RunStatus::Complete, "", state);
    const std::string page = summary_page(RunReader(folder / "run.h5"), Colour::Off);
    EXPECT_THAT(page, testing::ContainsRegex("Block requests\n.*\n +read +100 +50000 +15.* +6[0-9.]+\n"));
    EXPECT_THAT(page, HasSubstr("204.8 MB/s read, 0.0 MB/s written"));
    EXPECT_THAT(page, Not(HasSubstr("sync_write")));
}

TEST(SummaryPage, ListsProcessesWithMostInstructionsFirst) {
    const ScratchFolder folder;
    const auto page_with = [&](std::uint64_t last) {
        const SampleRun sample;
        RunState state = sample.state();
        const std::array<std::uint64_t, 13> instructions{0, 5, 900, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
        ProcessStatistics& processes = state.process_statistics;
        for (std::uint64_t number = 0; number <= last; ++number) {
            processes.registry.group("process/" + std::to_string(number))
                .counter("instructions", instructions[number], "instructions", "");
            processes.facts.push_back({.number = number, .command = "command" + std::to_string(number)});
        }
        processes.facts.back().died_of = "SIGTERM";
        processes.measured = processes.total = processes.registry.snapshot();
        RunFile(folder / "run.h5", SampleRun::meta()).finish(RunStatus::Complete, "", state);
        return summary_page(RunReader(folder / "run.h5"), Colour::Off);
    };
    const std::string page = page_with(12);
    EXPECT_THAT(page, testing::ContainsRegex("2 +900 .*- +command2\n +12 +20 .*SIGTERM +command12\n"));
    EXPECT_THAT(page,
                AllOf(HasSubstr("and 2 more"), Not(HasSubstr("command1\n")), Not(HasSubstr("command0"))));
    EXPECT_THAT(page_with(1), Not(HasSubstr("Processes"))); // one alone is the machine
}

} // namespace
} // namespace pagewalk::results
