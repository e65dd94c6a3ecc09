#include "base/error.h"
#include "results/run_file.h"
#include "results/run_reader.h"
#include "tests/unit/results/sample_run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
}

template <class Error, class Action>
std::string message_of(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

/// Runs `body` in a process of its own; true if it says so and ends by itself.
template <class Body>
bool succeeds_in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        bool good = false;
        try {
            good = body();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "child: %s\n", error.what());
        }
        std::fflush(nullptr);
        // exit(), not _exit(): HDF5 closes itself then, and must not trip over a failed write.
        std::exit(good ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(RunFile, LeavesOneCompleteFileAndNoTemporaries) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 100, 30);
    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5"));
    const RunReader reader(folder / "run.h5");
    EXPECT_EQ(reader.status(), "complete");
    EXPECT_EQ(reader.status_text(), "ran to its end");
}

TEST(RunFile, KeepsEveryEventAcrossChunksInOrder) {
    const ScratchFolder folder;
    const std::uint64_t count = 3 * chunk_rows + 17;
    SampleRun().write(folder / "run.h5", count);
    const StoredEvents events = RunReader(folder / "run.h5").events("page_faults", count + 1);
    ASSERT_EQ(events.total, count);
    ASSERT_EQ(events.read, count);
    for (std::uint64_t n = 0; n < count; ++n) {
        const SampleFault expected = SampleRun::fault(n);
        ASSERT_EQ(events.cell(n, 0), std::to_string(expected.time));
        ASSERT_EQ(events.cell(n, 1), std::to_string(expected.address));
        ASSERT_EQ(events.cell(n, 2), std::to_string(expected.latency));
        ASSERT_EQ(events.cell(n, 3), std::to_string(expected.node));
        ASSERT_EQ(events.cell(n, 4), (std::array{"minor", "major", "spurious"}[n % 3]));
    }
}

TEST(RunFile, SameContentGivesTheSameBytesWheneverCheckpointsWereTaken) {
    const ScratchFolder folder;
    SampleRun().write(folder / "a.h5", chunk_rows + 5);
    SampleRun().write(folder / "b.h5", chunk_rows + 5, 1999);
    const std::string a = bytes_of(folder / "a.h5");
    const std::string b = bytes_of(folder / "b.h5");
    ASSERT_EQ(a.size(), b.size());
    EXPECT_THAT(differences(RunReader(folder / "a.h5"), RunReader(folder / "b.h5")), IsEmpty());
    // Of the bytes, only the host's facts may differ; they come last.
    const auto first = std::ranges::mismatch(a, b).in1;
    EXPECT_GT(static_cast<std::size_t>(first - a.begin()), a.rfind("the status in words"));
}

TEST(RunFile, PaddingOfRecordsNeverReachesTheFile) {
    const ScratchFolder folder;
    SampleRun().write(folder / "run.h5", 10);
    const StoredEvents events = RunReader(folder / "run.h5").events("page_faults", 1);
    EXPECT_EQ(events.schema.row_bytes, 8 + 8 + 4 + 2 + 1);
}

TEST(RunFile, KilledRunLeavesItsLastCheckpointAsRunning) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "run.h5";
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        SampleRun run;
        RunFile file(path, SampleRun::meta());
        run.advance(10000);
        SampleRun::append_faults(file, 0, chunk_rows + 100);
        file.checkpoint(run.state());
        SampleRun::append_faults(file, chunk_rows + 100, 50);
        if (::write(ready[1], "x", 1) != 1) std::_Exit(1);
        for (;;) ::pause();
    }
    char go = 0;
    ASSERT_EQ(::read(ready[0], &go, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ready[0]);
    ::close(ready[1]);

    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5", "run.h5.lock"));
    const RunReader reader(path);
    EXPECT_EQ(reader.status(), "running");
    EXPECT_THAT(reader.status_text(), AllOf(HasSubstr("simulated time 6240 ns"), HasSubstr("it was killed")));
    EXPECT_EQ(reader.events("page_faults", 0).total, chunk_rows + 100);
    EXPECT_EQ(reader.stats("core0/instructions").at(0).number(), 10000);
}

TEST(RunFile, KilledAtAnyMomentLeavesAReadableFile) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "run.h5";
    for (int round = 0; round < 20; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            SampleRun run;
            RunFile file(path, SampleRun::meta());
            for (std::uint64_t n = 0;; n += 100) {
                SampleRun::append_faults(file, n, 100);
                file.checkpoint(run.state());
            }
        }
        while (!std::filesystem::exists(path)) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::microseconds(700 * round));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_EQ(RunReader(path).status(), "running");
    }
}

TEST(RunFile, EarlierResultsStayUntilTheNewOnesAreWhole) {
    const ScratchFolder folder;
    const std::filesystem::path path = folder / "run.h5";
    SampleRun().write(path, 5);
    const auto faults = [&] { return RunReader(path).events("page_faults", 0).total; };
    SampleRun run;
    {
        RunFile file(path, SampleRun::meta());
        SampleRun::append_faults(file, 0, 7);
        file.checkpoint(run.state());
        EXPECT_EQ(faults(), 5U);
        EXPECT_EQ(RunReader(folder / "run.h5.partial").status(), "running");
        EXPECT_EQ(file.fail("trace damaged", run.state()), folder / "run.h5.partial");
    }
    EXPECT_EQ(faults(), 5U);
    EXPECT_EQ(RunReader(folder / "run.h5.partial").status(), "failed");
    {
        RunFile file(path, SampleRun::meta());
        EXPECT_EQ(file.finish(RunStatus::Interrupted, "stopped", run.state()), folder / "run.h5.partial");
    }
    EXPECT_EQ(faults(), 5U);
    SampleRun().write(path, 9);
    EXPECT_EQ(faults(), 9U);
    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5"));
}

TEST(RunFile, WhatIsNoResultsFileIsRefusedAndStays) {
    const ScratchFolder folder;
    std::ofstream(folder / "run.h5") << "precious";
    EXPECT_THAT(message_of<InputError>([&] { RunFile file(folder / "run.h5", SampleRun::meta()); }),
                HasSubstr("would be lost"));
    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5"));
    EXPECT_EQ(std::filesystem::file_size(folder / "run.h5"), 8U);
}

TEST(RunFile, ASecondWriterOfTheSameFileIsRefused) {
    const ScratchFolder folder;
    const RunFile first(folder / "run.h5", SampleRun::meta());
    EXPECT_THAT(message_of<ResultsTaken>([&] { RunFile file(folder / "run.h5", SampleRun::meta()); }),
                HasSubstr("process " + std::to_string(::getpid())));
    EXPECT_EQ(RunReader(folder / "run.h5").status(), "running");
}

TEST(RunFile, MissingFolderIsTheUsersMistake) {
    const ScratchFolder folder;
    const std::string message =
        message_of<InputError>([&] { RunFile file(folder / "absent/run.h5", SampleRun::meta()); });
    EXPECT_THAT(message, AllOf(HasSubstr("absent/run.h5"), HasSubstr("No such file or directory")));
}

TEST(RunFile, FolderAsFileIsTheUsersMistake) {
    const ScratchFolder folder;
    EXPECT_THAT(message_of<InputError>([&] { RunFile file(folder.path(), SampleRun::meta()); }),
                HasSubstr("it is a folder"));
}

TEST(RunFile, FailedRunLeavesOnlyAPartialFile) {
    const ScratchFolder folder;
    SampleRun run;
    RunFile file(folder / "run.h5", SampleRun::meta());
    run.advance(5000);
    SampleRun::append_faults(file, 0, 7);
    EXPECT_EQ(file.fail("trace damaged at block 9", run.state()), folder / "run.h5.partial");
    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5.partial"));
    const RunReader reader(folder / "run.h5.partial");
    EXPECT_EQ(reader.status(), "failed");
    EXPECT_EQ(reader.status_text(), "trace damaged at block 9");
    EXPECT_EQ(reader.events("page_faults", 0).total, 7);
}

TEST(RunFile, UnfinishedRunKeepsItsLastCheckpointAsFailed) {
    const ScratchFolder folder;
    {
        SampleRun run;
        RunFile file(folder / "run.h5", SampleRun::meta());
        run.advance(5000);
        file.checkpoint(run.state());
    }
    EXPECT_THAT(names_in(folder.path()), ElementsAre("run.h5.partial"));
    const RunReader reader(folder / "run.h5.partial");
    EXPECT_EQ(reader.status(), "failed");
    EXPECT_EQ(reader.stats("core0/instructions").at(0).number(), 5000);
}

/// Fills what there is, checks that the run fails as it should. For a child process.
bool fills_up(const std::filesystem::path& path, const std::string& reason) {
    SampleRun run;
    RunFile file(path, SampleRun::meta());
    run.advance(1000);
    file.checkpoint(run.state());
    std::string message = "no error";
    try {
        for (std::uint64_t n = 0; n < 10'000'000; n += 1000) {
            SampleRun::append_faults(file, n * n, 1000);
            if (n % 100'000 == 0) file.checkpoint(run.state());
        }
    } catch (const RunError& error) {
        message = error.what();
        if (file.fail(message, run.state()) != path.string() + ".partial") return false;
    }
    if (message.find(reason) == std::string::npos || message.find(path) == std::string::npos) {
        std::fprintf(stderr, "child: unexpected: %s\n", message.c_str());
        return false;
    }
    const RunReader reader(path.string() + ".partial");
    return !std::filesystem::exists(path) && !std::filesystem::exists(path.string() + ".tmp") &&
           reader.status() == "failed" && reader.status_text() == message &&
           reader.stats("core0/instructions").at(0).number() == 1000;
}

TEST(RunFile, FileSizeLimitFailsTheRunAndKeepsTheLastContent) {
    const ScratchFolder folder;
    EXPECT_TRUE(succeeds_in_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{400'000, 400'000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        return fills_up(folder / "run.h5", "File too large");
    }));
}

TEST(RunFile, FullDiskFailsTheRunAndKeepsTheLastContent) {
    const ScratchFolder folder;
    const std::filesystem::path disk = folder / "disk";
    std::filesystem::create_directory(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0)
        GTEST_SKIP() << "may not mount a small file system here";
    const bool good = succeeds_in_child([&] { return fills_up(disk / "run.h5", "No space left on device"); });
    ::umount(disk.c_str());
    EXPECT_TRUE(good);
}

TEST(RunFile, FullDiskAtTheStartIsTheUsersMistakeAndLeavesNothing) {
    const ScratchFolder folder;
    EXPECT_TRUE(succeeds_in_child([&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{1000, 1000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const std::string message =
            message_of<InputError>([&] { RunFile file(folder / "run.h5", SampleRun::meta()); });
        return message.find("File too large") != std::string::npos;
    }));
    EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

TEST(RunFile, AShortRunTakesNoCheckpoint) {
    const ScratchFolder folder;
    SampleRun run;
    RunFile file(folder / "run.h5", SampleRun::meta(), {.first_checkpoint_after = std::chrono::minutes(10)});
    EXPECT_FALSE(file.checkpoint_due());
    file.finish(RunStatus::Complete, "", run.state());
}

TEST(RunFile, CheckpointsAreDueSoonAndThenRarely) {
    const ScratchFolder folder;
    SampleRun run;
    RunFile file(folder / "run.h5", SampleRun::meta(),
                 {.first_checkpoint_after = std::chrono::milliseconds(0),
                  .checkpoint_every = std::chrono::minutes(10)});
    EXPECT_TRUE(file.checkpoint_due());
    file.checkpoint(run.state());
    EXPECT_FALSE(file.checkpoint_due());
    file.finish(RunStatus::Interrupted, "stopped by the user", run.state());
    EXPECT_EQ(RunReader(folder / "run.h5").status(), "interrupted");
}

TEST(RunFile, UndeclaredAndEmptyTablesAreThere) {
    const ScratchFolder folder;
    SampleRun run;
    RunFile file(folder / "run.h5", SampleRun::meta());
    EventSchema other = sample_fault_schema();
    other.name = "other";
    file.declare_events(other, {64});
    SampleRun::append_faults(file, 0, 1);
    file.finish(RunStatus::Complete, "", run.state());
    const RunReader reader(folder / "run.h5");
    EXPECT_EQ(reader.events("other", 10).total, 0);
    EXPECT_EQ(reader.events("other", 10).every, 64);
    EXPECT_EQ(reader.events("page_faults", 10).every, 1);
}

TEST(RunFile, WhatIsNoFileIsRefusedAndStays) {
    const ScratchFolder folder;
    const std::filesystem::path pipe = folder / "run.h5";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    try {
        const RunFile file(pipe, SampleRun::meta());
        FAIL() << "taken";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("it is a device, pipe or socket"), std::string::npos);
    }
    EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

} // namespace
} // namespace pagewalk::results
