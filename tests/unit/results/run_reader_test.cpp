#include "base/error.h"
#include "results/file_builder.h"
#include "results/run_reader.h"
#include "results/summary_keys.h"
#include "results/summary_text.h"
#include "tests/unit/results/sample_run.h"

#include <cmath>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal_of(const std::filesystem::path& path) {
    try {
        const RunReader reader(path);
    } catch (const InputError& error) {
        return error.what();
    }
    return "read";
}

const SummaryValue& find(const std::vector<SummaryValue>& values, std::string_view name) {
    return *std::ranges::find(values, name, &SummaryValue::name);
}

TEST(RunReader, ReadsBackWhatWasWritten) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 10);
    const RunReader reader(folder / "run.h5");
    EXPECT_EQ(reader.config(), SampleRun::meta().config);
    EXPECT_EQ(reader.meta("command_line"), "pagewalk run sample.cfg");
    EXPECT_EQ(reader.meta("no such thing"), "");
    EXPECT_THAT(reader.proc_names(), ElementsAre("meminfo", "node0/numastat", "slabinfo"));
    EXPECT_EQ(reader.proc("node0/numastat"), "numa_hit 7\n");
    EXPECT_THAT(reader.event_names(), ElementsAre("page_faults"));

    const auto misses = reader.stats("*/l2_tlb/misses");
    ASSERT_EQ(misses.size(), 1);
    EXPECT_EQ(misses[0].path, "core0/mmu/l2_tlb/misses");
    EXPECT_EQ(std::get<std::uint64_t>(misses[0].value), 1000);
    EXPECT_EQ(misses[0].unit, "count");
    EXPECT_EQ(misses[0].description, "look-ups that missed");

    const StoredEvents events = reader.events("page_faults", 2);
    EXPECT_EQ(events.total, 10);
    EXPECT_EQ(events.read, 2);
    EXPECT_EQ(events.schema.columns.at(2).unit, "cycles");
    EXPECT_THAT(events.schema.columns.at(4).value_names, ElementsAre("minor", "major", "spurious"));
}

TEST(RunReader, RatiosHaveTheirFormulaAndNoValueWithoutADenominator) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 0);
    const RunReader reader(folder / "run.h5");
    const StoredStatistic mpki = reader.stats("*/mpki").at(0);
    EXPECT_EQ(mpki.number(), 10.0);
    EXPECT_EQ(mpki.formula, "misses * 1000 / instructions");
    EXPECT_TRUE(std::isnan(reader.stats("*/undefined").at(0).number()));
}

TEST(RunReader, SummaryAddsHostSpeedAndStatus) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 0);
    const auto summary = RunReader(folder / "run.h5").summary();
    EXPECT_EQ(std::get<std::uint64_t>(find(summary, "instructions").value), 100000);
    const double seconds = std::get<double>(find(summary, "host_seconds").value);
    EXPECT_GT(seconds, 0);
    EXPECT_DOUBLE_EQ(std::get<double>(find(summary, "host_mips").value), 0.1 / seconds);
    EXPECT_EQ(std::get<std::string>(find(summary, "status").value), "complete");
}

TEST(RunReader, HostSpeedCountsTheWarmUp) {
    const ScratchFolder folder;
    std::uint64_t program[] = {300'000, 100'000}, kernel = 50'000;
    StatRegistry registry;
    for (std::size_t i = 0; i < 2; ++i)
        registry.group("cpu" + std::to_string(i))
            .counter("user_instructions", program[i], "instructions", "program instructions committed");
    registry.group("cpu0").counter("kernel_instructions", kernel, "instructions", "kernel's committed");
    RunFile file(folder / "run.h5", SampleRun::meta());
    file.finish(RunStatus::Complete, "",
                RunState{.registry = &registry,
                         .measured = registry.snapshot(),
                         .total = registry.snapshot(),
                         .summary = {summary_value("instructions", std::uint64_t{100'000})}});
    const RunReader reader(folder / "run.h5");
    EXPECT_EQ(reader.total("cpu*", "user_instructions"), 400'000.0);
    EXPECT_EQ(reader.total("cpu*", "none"), 0.0);
    const auto summary = reader.summary();
    EXPECT_DOUBLE_EQ(std::get<double>(find(summary, "host_mips").value),
                     0.4 / std::get<double>(find(summary, "host_seconds").value));
    EXPECT_THAT(summary_page(reader, Colour::Off), testing::ContainsRegex("with kernel +[0-9.e+]+ +MIPS"));
}

TEST(RunReader, HistogramsEndAtTheirLastUsedBucket) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 0);
    const auto histograms = RunReader(folder / "run.h5").histograms();
    ASSERT_EQ(histograms.size(), 2);
    EXPECT_EQ(histograms[0].path, "core0/mmu/l2_tlb/empty");
    EXPECT_TRUE(histograms[0].counts.empty());
    const StoredHistogram& walks = histograms[1];
    EXPECT_EQ(walks.count, 1000);
    EXPECT_GE(walks.max, walks.p99);
    EXPECT_GT(walks.counts.back(), 0);
    ASSERT_EQ(walks.lower_edges.size(), walks.counts.size());
    EXPECT_EQ(walks.lower_edges.back(), Histogram::floor_of(walks.counts.size() - 1));
}

TEST(RunReader, ReadsProcessesBackByNumber) {
    const ScratchFolder folder;
    const SampleRun sample;
    RunState state = sample.state();
    const std::uint64_t instructions = 70;
    ProcessStatistics& processes = state.process_statistics;
    for (std::uint64_t number = 0; number < 11; ++number) {
        processes.registry.group("process/" + std::to_string(number))
            .counter("instructions", instructions, "instructions", "");
        processes.facts.push_back({.number = number, .pid = 20 + number, .command = "c"});
    }
    processes.facts[2].exit_status = 3;
    processes.facts[10].parent = 2;
    processes.facts[10].died_of = "SIGTERM";
    processes.facts[10].killed_by = "program";
    processes.measured = processes.total = processes.registry.snapshot();
    RunFile(folder / "run.h5", SampleRun::meta()).finish(RunStatus::Complete, "", state);
    const std::vector<StoredProcess> read = RunReader(folder / "run.h5").processes();
    ASSERT_EQ(read.size(), 11U);
    EXPECT_EQ(read[2].facts.exit_status, 3U);
    EXPECT_EQ(read[2].count("instructions"), 70U);
    EXPECT_EQ(read[2].count("nothing"), 0U);
    EXPECT_EQ(read[10].facts.number, 10U); // not after 1
    EXPECT_EQ(read[10].facts.pid, 30U);
    EXPECT_EQ(read[10].facts.parent, 2U);
    EXPECT_EQ(read[10].facts.exit_status, std::nullopt);
    EXPECT_EQ(read[10].facts.command, "c");
    EXPECT_EQ(read[10].facts.died_of, "SIGTERM");
    EXPECT_EQ(read[10].facts.killed_by, "program");
}

TEST(RunReader, UnknownNamesAreAnsweredWithTheKnownOnes) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 0);
    const RunReader reader(folder / "run.h5");
    const auto message = [](auto action) -> std::string {
        try {
            action();
        } catch (const InputError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(message([&] { (void)reader.proc("zoneinfo"); }), HasSubstr("meminfo, node0/numastat"));
    EXPECT_THAT(message([&] { (void)reader.events("walks", 1); }), HasSubstr("page_faults"));
}

TEST(RunReader, RefusesWhatIsNotThereOrNotHdf5) {
    const ScratchFolder folder;
    EXPECT_THAT(refusal_of(folder / "absent.h5"), HasSubstr("does not exist"));
    std::ofstream(folder / "text.h5") << "hello";
    EXPECT_THAT(refusal_of(folder / "text.h5"), HasSubstr("not an HDF5 file"));
}

TEST(RunReader, RefusesAForeignFile) {
    const ScratchFolder folder;
    const auto path = folder / "foreign.h5";
    H5Fclose(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    EXPECT_THAT(refusal_of(path), HasSubstr("not Pagewalk's results"));
}

TEST(RunReader, RefusesAnotherSchemaVersionNamingBoth) {
    const ScratchFolder folder;
    const auto path = folder / "run.h5";
    SampleRun().write(path, 0);
    {
        const Hdf5Object file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), "open");
        const Hdf5Object version(H5Aopen(file, "schema_version", H5P_DEFAULT), "open");
        const std::uint64_t later = schema_version + 1;
        ASSERT_GE(H5Awrite(version, H5T_NATIVE_UINT64, &later), 0);
    }
    EXPECT_THAT(refusal_of(path), AllOf(HasSubstr("version " + std::to_string(schema_version + 1)),
                                        HasSubstr("reads version " + std::to_string(schema_version))));
}

TEST(RunReader, RefusesATruncatedFileWhereverItWasCut) {
    const ScratchFolder folder;
    const auto path = folder / "run.h5";
    SampleRun().write(path, 20000);
    const auto size = std::filesystem::file_size(path);
    for (const auto part : {size - 1, size / 2, size / 10, std::uintmax_t{100}, std::uintmax_t{10}}) {
        std::filesystem::resize_file(path, part);
        EXPECT_THAT(refusal_of(path), HasSubstr(path.string())) << part;
    }
}

TEST(RunReader, ReadsProgramsBackThatRanSideBySide) {
    const ScratchFolder folder;
    const SampleRun sample;
    RunState state = sample.state();
    const std::uint64_t instructions = 70, restarts = 3;
    ProcessStatistics& programs = state.program_statistics;
    for (const std::uint64_t number : {2, 10}) {
        const StatGroup group = programs.registry.group("program/" + std::to_string(number));
        StatGroup(group).counter("instructions", instructions, "instructions", "");
        StatGroup(group).counter("restarts", restarts, "count", "");
        programs.facts.push_back({.number = number, .command = "c" + std::to_string(number)});
    }
    programs.facts[0].exit_status = 3;
    programs.facts[1].died_of = "SIGTERM";
    programs.facts[1].killed_by = "program";
    programs.measured = programs.total = programs.registry.snapshot();
    state.process_statistics.registry.group("process/1")
        .counter("instructions", instructions, "instructions", "");
    state.process_statistics.facts.push_back({.number = 1, .program = 10});
    state.process_statistics.measured = state.process_statistics.total =
        state.process_statistics.registry.snapshot();
    RunFile(folder / "run.h5", SampleRun::meta()).finish(RunStatus::Complete, "", state);
    const RunReader run(folder / "run.h5");
    const std::vector<StoredProcess> read = run.programs();
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].facts.number, 2U);
    EXPECT_EQ(read[0].facts.exit_status, 3U);
    EXPECT_EQ(read[0].count("restarts"), 3U);
    EXPECT_EQ(read[1].facts.command, "c10");
    EXPECT_EQ(read[1].facts.died_of, "SIGTERM");
    ASSERT_EQ(run.processes().size(), 1U);
    EXPECT_EQ(run.processes()[0].facts.program, 10U);
}

} // namespace
} // namespace pagewalk::results
