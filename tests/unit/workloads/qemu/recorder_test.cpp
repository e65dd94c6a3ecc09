#include "base/error.h"
#include "tests/unit/workloads/qemu/stream_collector.h"
#include "workloads/qemu/pwt_reader.h"
#include "workloads/qemu/recorder.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

RecordOptions options_for(std::vector<std::string> argv, const std::string& file) {
    RecordOptions options;
    options.live.argv = std::move(argv);
    options.live.stdout_file = options.live.stderr_file = "/dev/null";
    options.file = scratch_file(file);
    return options;
}

TEST(Recorder, ReplaysTheVeryInstructionsOfALoop) {
    const RecordOptions options = options_for({program("exact_loop")}, "recorder_loop.pwt");
    const RecordSummary summary = record(options);
    EXPECT_EQ(summary.instructions, 2 + 2 * 1000000 + 3);
    EXPECT_EQ(summary.threads, 1);
    EXPECT_EQ(summary.end.value, 7);

    PwtReader reader(options.file);
    EXPECT_TRUE(reader.is_complete());
    EXPECT_EQ(reader.expected_instructions(), summary.instructions);
    EXPECT_EQ(reader.exit_status(), 7);
    EXPECT_EQ(reader.description(), program("exact_loop"));
    EXPECT_FALSE(reader.initial_mappings().empty());
    StreamCollector collector(reader);
    collector.read_to_the_end();
    EXPECT_EQ(collector.first().instructions, summary.instructions);
}

TEST(Recorder, RecordsWhatALiveReaderSees) {
    const RecordOptions options = options_for({program("memory_kernel")}, "recorder_kernel.pwt");
    record(options);
    PwtReader reader(options.file);
    StreamCollector recorded(reader);
    recorded.read_to_the_end();
    LiveProgram program(options.live);
    StreamCollector live(program);
    live.read_to_the_end();
    EXPECT_EQ(recorded.first().digest, live.first().digest);
    EXPECT_EQ(recorded.first().calls.size(), 3);
}

TEST(Recorder, ReplaysThreadsTheSameEachTime) {
    const RecordOptions options = options_for({program("threads"), "5", "40"}, "recorder_threads.pwt");
    const RecordSummary summary = record(options);
    EXPECT_EQ(summary.threads, 6);
    PwtReader first(options.file), second(options.file);
    StreamCollector one(first), two(second);
    one.read_to_the_end();
    two.read_to_the_end();
    ASSERT_EQ(one.streams().size(), 6);
    ASSERT_EQ(two.streams().size(), 6);
    EXPECT_EQ(one.instructions(), summary.instructions);
    for (const auto& [index, stream] : one.streams()) {
        EXPECT_EQ(stream.digest, two.streams().at(index).digest);
        EXPECT_EQ(stream.instructions, first.instructions(index));
    }
    const auto orders = one.orders();
    for (std::size_t i = 0; i < orders.size(); ++i) ASSERT_EQ(orders[i], i + 1);
}

TEST(Recorder, RecordsForkedChildrenAndTheirExecve) {
    const RecordOptions forks = options_for({program("forks")}, "recorder_forks.pwt");
    EXPECT_EQ(record(forks).end.value, 0);
    PwtReader reader(forks.file);
    StreamCollector collector(reader);
    collector.read_to_the_end();
    EXPECT_EQ(collector.streams().size(), 3);

    const RecordOptions exec = options_for({program("forks"), "/bin/true"}, "recorder_exec.pwt");
    EXPECT_EQ(record(exec).end.value, 0);
    PwtReader exec_reader(exec.file);
    StreamCollector executed(exec_reader);
    executed.read_to_the_end();
    ASSERT_EQ(executed.streams().size(), 2);
    const auto& calls = executed.streams().rbegin()->second.calls;
    EXPECT_EQ(std::ranges::count(calls, SYS_execve, &SyscallRecord::number), 1);
    EXPECT_EQ(calls.back().number, SYS_exit_group);
    const auto& image = exec_reader.image(executed.streams().rbegin()->first);
    EXPECT_TRUE(std::ranges::any_of(image, [](const auto& m) { return m.file.ends_with("bin/true"); }));
    EXPECT_EQ(exec_reader.processes().size(), 2);
}

TEST(Recorder, SaysInTheFileThatItWasStopped) {
    const RecordOptions options = options_for({program("compute"), "1000000"}, "recorder_stopped.pwt");
    int asked = 0;
    const RecordSummary summary = record(options, {.progress = {}, .stop = [&] { return ++asked > 1000; }});
    EXPECT_NE(summary.missing, "");
    PwtReader reader(options.file);
    EXPECT_TRUE(reader.is_complete());
    EXPECT_EQ(reader.missing(), summary.missing);
    EXPECT_EQ(reader.processes().at(0).end.kind, ProcessEnd::Kind::Running);
    EXPECT_GT(reader.expected_instructions(), 0);
}

TEST(Recorder, RecordsAProgramThatIsKilled) {
    const RecordOptions options = options_for({program("fault_in_block")}, "recorder_killed.pwt");
    const RecordSummary summary = record(options);
    const ProcessEnd died{.kind = ProcessEnd::Kind::Killed, .value = SIGSEGV};
    EXPECT_EQ(summary.end, died);
    PwtReader reader(options.file);
    EXPECT_EQ(reader.processes().at(0).end, died);
    EXPECT_EQ(reader.missing(), "");
    StreamCollector collector(reader);
    collector.read_to_the_end();
    EXPECT_EQ(collector.first().instructions, 4);
}

TEST(Recorder, SeeksToAnInstruction) {
    const RecordOptions options = options_for({program("compute_static"), "20"}, "recorder_seek.pwt");
    const RecordSummary summary = record(options);
    PwtReader reader(options.file);
    const std::uint64_t start = reader.seek(ThreadIndex{0}, summary.instructions / 2);
    EXPECT_GT(start, 0);
    EXPECT_LE(start, summary.instructions / 2);
    CollectedStream stream;
    while (!stream.ended) stream.add(reader.thread(ThreadIndex{0}).fetch());
    // The block that straddles the chunks is not seen.
    EXPECT_LE(stream.instructions, summary.instructions - start);
    EXPECT_GE(stream.instructions + 1024, summary.instructions - start);
    EXPECT_EQ(reader.seek(ThreadIndex{0}, 0), 0);
    CollectedStream all;
    while (!all.ended) all.add(reader.thread(ThreadIndex{0}).fetch());
    EXPECT_EQ(all.instructions, summary.instructions);
}

TEST(Recorder, SaysThatTheFileCannotBeWritten) {
    RecordOptions options = options_for({program("exact_loop")}, "unused");
    options.file = "/no/such/folder/file.pwt";
    EXPECT_THROW(record(options), InputError);
    options.file = "/dev/full";
    EXPECT_THROW(record(options), InputError);
}

TEST(Recorder, LeavesAReadableFileWhenTheDiskFills) {
    const RecordOptions options = options_for({program("compute_static"), "50"}, "recorder_full.pwt");
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    // From the first chunk on, files may not grow beyond 2 MiB: for the writer the same as a full disk.
    const auto limit = [&](const RecordSummary&) {
        const rlimit small{2 << 20, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
    };
    EXPECT_THROW(record(options, {.progress = limit, .stop = {}}), RunError);
    setrlimit(RLIMIT_FSIZE, &before);

    EXPECT_FALSE(std::filesystem::exists(options.file));
    PwtReader reader(options.file + ".partial");
    EXPECT_FALSE(reader.is_complete());
    EXPECT_NE(reader.missing(), "");
    EXPECT_GT(reader.expected_instructions(), 1000000);
    CollectedStream stream;
    while (!stream.ended) stream.add(reader.thread(ThreadIndex{0}).fetch());
    EXPECT_EQ(stream.instructions, reader.expected_instructions());
}

TEST(Recorder, AnEarlierRecordingStaysUntilTheNewOneIsWhole) {
    const RecordOptions whole = options_for({program("exact_loop")}, "recorder_kept.pwt");
    EXPECT_EQ(record(whole).file, whole.file);
    const RecordOptions stopped = options_for({program("compute"), "1000000"}, "recorder_kept.pwt");
    int asked = 0;
    EXPECT_EQ(record(stopped, {.progress = {}, .stop = [&] { return ++asked > 1000; }}).file,
              whole.file + ".partial");
    EXPECT_EQ(PwtReader(whole.file).expected_instructions(), 2 + 2 * 1000000 + 3);
    EXPECT_EQ(record(whole).file, whole.file);
    EXPECT_FALSE(std::filesystem::exists(whole.file + ".partial"));
}

TEST(Recorder, RefusesToReplaceWhatIsNoRecordingBeforeTheProgramStarts) {
    const RecordOptions options = options_for({program("compute"), "1000000"}, "recorder_foreign.pwt");
    std::ofstream(options.file) << "precious";
    EXPECT_THROW(record(options), InputError);
    EXPECT_EQ(std::filesystem::file_size(options.file), 8U);
}

} // namespace
} // namespace pagewalk::workloads
