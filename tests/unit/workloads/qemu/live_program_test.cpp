#include "base/error.h"
#include "tests/unit/workloads/qemu/stream_collector.h"
#include "workloads/qemu/live_program.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

LiveOptions quiet(std::vector<std::string> argv) {
    LiveOptions options;
    options.argv = std::move(argv);
    options.stdout_file = options.stderr_file = "/dev/null";
    return options;
}

std::vector<std::uint64_t> counting(std::size_t n) {
    std::vector<std::uint64_t> numbers(n);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = i + 1;
    return numbers;
}

const SyscallRecord* find_call(const CollectedStream& stream, std::uint32_t number) {
    for (const SyscallRecord& call : stream.calls) {
        if (call.number == number) return &call;
    }
    return nullptr;
}

TEST(LiveProgram, CountsEveryInstructionOfALoop) {
    LiveProgram live(quiet({program("exact_loop")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(collector.first().instructions, 2 + 2 * 1000000 + 3);
    ASSERT_EQ(collector.first().calls.size(), 1);
    EXPECT_EQ(collector.first().calls[0].number, SYS_exit);
    EXPECT_EQ(collector.first().calls[0].arguments[0], 7);
    EXPECT_EQ(live.exit_status(), 7);
}

TEST(LiveProgram, ReportsTheAccessesOfAKnownKernel) {
    LiveProgram live(quiet({program("memory_kernel")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    const CollectedStream& stream = collector.first();
    struct Access {
        std::uint64_t offset;
        std::uint32_t size;
        bool store;
        bool operator==(const Access&) const = default;
    };
    std::vector<Access> expected{{0, 1, true}, {16, 2, true}, {32, 4, false}, {64, 8, false}, {64, 8, true}};
    for (std::uint64_t i = 0; i < 4; ++i) expected.push_back({128 + 8 * i, 8, false});
    for (std::uint64_t i = 0; i < 4; ++i) expected.push_back({256 + 8 * i, 8, true});
    // rep movsb of 40 bytes and rep stosq of 5 words: the first iteration belongs to the block before, the
    // others are joined within 32 bytes.
    expected.insert(expected.end(), {{512, 1, false},
                                     {1024, 1, true},
                                     {513, 16, false},
                                     {1025, 16, true},
                                     {544, 8, false},
                                     {1056, 8, true},
                                     {1064, 8, true},
                                     {1072, 16, true},
                                     {1088, 16, true}});
    std::vector<Access> seen;
    const VirtAddr buffer = stream.references.front().address();
    EXPECT_EQ(buffer.page_offset(), 0);
    for (const MemoryReference& r : stream.references)
        seen.push_back({r.address() - buffer, r.size(), r.is_store()});
    EXPECT_EQ(seen.size(), expected.size());
    EXPECT_TRUE(seen == expected);
    EXPECT_EQ(stream.instructions, 29);
    EXPECT_EQ(live.exit_status(), 3);
}

TEST(LiveProgram, RecordsSystemCallsWithArgumentsResultsAndPaths) {
    LiveProgram live(quiet({program("memory_kernel")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    const auto& calls = collector.first().calls;
    ASSERT_EQ(calls.size(), 3);
    EXPECT_EQ(calls[0].number, SYS_openat);
    EXPECT_EQ(calls[0].path, "/no/such/file");
    EXPECT_EQ(calls[0].result, -ENOENT);
    EXPECT_EQ(calls[0].enter_order, 0);
    EXPECT_EQ(calls[1].number, SYS_mmap);
    EXPECT_THAT(calls[1].arguments, testing::ElementsAre(0, 8192, 3, 0x22, ~0ULL, 0));
    EXPECT_GT(calls[1].result, 0);
    EXPECT_EQ(calls[1].enter_order, 1);
    EXPECT_EQ(calls[1].exit_order, 2);
    EXPECT_EQ(calls[2].number, SYS_exit_group);
    EXPECT_EQ(calls[2].enter_order, 3);
    EXPECT_EQ(calls[2].exit_order, 0);
}

TEST(LiveProgram, FollowsAllThreadsAndNumbersTheirCallsWithoutAGap) {
    LiveProgram live(quiet({program("threads"), "6", "30"}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(live.exit_status(), 0);
    EXPECT_EQ(collector.streams().size(), 7);
    for (const auto& [index, stream] : collector.streams()) EXPECT_GT(stream.instructions, 1000);
    const auto orders = collector.orders();
    EXPECT_GT(orders.size(), 6 * 30);
    EXPECT_EQ(orders, counting(orders.size()));
}

TEST(LiveProgram, FollowsForkedChildren) {
    LiveProgram live(quiet({program("forks")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(live.exit_status(), 0);
    ASSERT_EQ(collector.streams().size(), 3);
    std::vector<std::uint64_t> statuses;
    for (const auto& [index, stream] : collector.streams()) {
        ASSERT_FALSE(stream.calls.empty());
        EXPECT_EQ(stream.calls.back().number, SYS_exit_group);
        statuses.push_back(stream.calls.back().arguments[0]);
    }
    EXPECT_THAT(statuses, testing::UnorderedElementsAre(0, 5, 6));
    const auto orders = collector.orders();
    EXPECT_EQ(orders, counting(orders.size()));
}

TEST(LiveProgram, SaysWhoWaitsForWhatWhenNothingHappens) {
    LiveOptions options = quiet({"sh", "-c", "kill -STOP $$"});
    options.stall_limit = std::chrono::milliseconds(1000);
    LiveProgram live(options);
    StreamCollector collector(live);
    try {
        collector.read_to_the_end();
        FAIL() << "a stopped program has ended";
    } catch (const RunError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("nothing has happened for 1 s; thread "));
        EXPECT_THAT(error.what(), testing::HasSubstr("waits for"));
    }
}

TEST(LiveProgram, GoesOnWithWhatAThreadExecutes) {
    LiveProgram live(quiet({program("forks"), program("exact_loop")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(live.exit_status(), 0);
    ASSERT_EQ(collector.streams().size(), 2);
    const auto& [index, child] = *collector.streams().rbegin();
    const SyscallRecord* call = find_call(child, SYS_execve);
    ASSERT_NE(call, nullptr);
    EXPECT_EQ(call->path, program("exact_loop"));
    EXPECT_EQ(call->result, 0);
    EXPECT_EQ(child.calls.back().number, SYS_exit);
    EXPECT_EQ(child.calls.back().arguments[0], 7);
    EXPECT_GT(child.instructions, 2 * 1000000);
    const auto orders = collector.orders();
    EXPECT_EQ(orders, counting(orders.size()));

    const std::vector<InitialMapping> image = live.image(index);
    const auto code = std::ranges::find(image, program("exact_loop"), &InitialMapping::file);
    ASSERT_NE(code, image.end());
    EXPECT_EQ(std::ranges::count(image, true, &InitialMapping::grows_down), 1);
    EXPECT_EQ(live.image(ThreadIndex{0}).size(), live.initial_mappings().size());
}

TEST(LiveProgram, EndsTheOtherThreadsOfAProcessThatExecutes) {
    LiveProgram live(quiet({program("exec_beside_threads"), program("exact_loop")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(live.exit_status(), 7);
    EXPECT_EQ(collector.streams().size(), 3);
}

TEST(LiveProgram, KnowsEveryProcessAndItsEnd) {
    LiveProgram live(quiet({"sh", "-c", "sh -c 'kill -TERM $$'; /bin/true; exit 4"}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    const std::vector<ProcessRecord> processes = live.processes();
    ASSERT_EQ(processes.size(), 3);
    EXPECT_EQ(processes[0].end, (ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = 4}));
    EXPECT_EQ(processes[1].end, (ProcessEnd{.kind = ProcessEnd::Kind::Killed, .value = SIGTERM}));
    EXPECT_EQ(processes[1].parent, processes[0].pid);
    EXPECT_EQ(processes[2].command, "/bin/true");
    EXPECT_EQ(processes[2].end, (ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = 0}));
    EXPECT_EQ(live.missing(), "");
}

TEST(LiveProgram, CutsTheBlockInWhichAFaultKills) {
    LiveProgram live(quiet({program("fault_in_block")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(collector.first().instructions, 4);
    EXPECT_EQ(collector.first().last_instruction_count, 3);
    EXPECT_EQ(collector.first().last_block->instruction_count, 6);
    EXPECT_EQ(live.exit_status(), 128 + SIGSEGV);
}

TEST(LiveProgram, SurvivesAProgramThatClosesEveryDescriptorAndKillsItself) {
    LiveProgram live(quiet({program("closes_everything")}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_GT(collector.first().instructions, 300000);
    EXPECT_EQ(live.exit_status(), 128 + SIGTERM);
}

TEST(LiveProgram, ReadsTheSameStreamThroughASlowConsumer) {
    LiveOptions options = quiet({program("compute_static"), "3"});
    LiveProgram fast(options);
    StreamCollector all(fast);
    all.read_to_the_end();

    options.ring_bytes = 1 << 20;
    LiveProgram slow(options);
    CollectedStream stream;
    for (int i = 0; !stream.ended; ++i) {
        stream.add(slow.thread(ThreadIndex{0}).fetch());
        if (i % 64 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(stream.instructions, all.first().instructions);
    EXPECT_EQ(stream.blocks, all.first().blocks);
}

TEST(LiveProgram, LetsThreadsRunThatWaitForOneAnotherInUserSpace) {
    LiveProgram live(quiet({program("spinners"), "200"}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(collector.streams().size(), 2);
    EXPECT_EQ(live.exit_status(), 0);
}

TEST(LiveProgram, GivesUnreadThreadsRoomWhileOneIsWaitedFor) {
    LiveProgram live(quiet({program("spinners"), "2000"}));
    // Read the first thread alone until it creates the second, then leave the first unread for a while: it
    // spins until its ring is full.
    InstructionStream& first = live.thread(ThreadIndex{0});
    InstructionStream* second = nullptr;
    while (second == nullptr) {
        const StreamBatch batch = first.fetch();
        ASSERT_NE(batch.status, StreamStatus::End);
        const bool clone = batch.status == StreamStatus::SystemCall &&
                           (batch.syscall->number == SYS_clone || batch.syscall->number == SYS_clone3);
        if (!clone || batch.syscall->result <= 0) continue; // clone3 is not there in QEMU 7.2
        while (second == nullptr) second = live.child(ThreadIndex{0}, batch.syscall->result);
    }
    CollectedStream stream;
    for (int i = 0; i < 200 && !stream.ended; ++i) stream.add(second->fetch());
    EXPECT_GT(stream.blocks, 0);
}

TEST(LiveProgram, LetsAForkGoOnWhileAThreadThatNobodyReadsIsOutOfRoom) {
    // QEMU stops all threads for a fork, and the spinner waits for room in its ring.
    LiveProgram live(quiet({program("fork_beside_spinner")}));
    CollectedStream stream;
    const auto has_forked = [&] {
        return !stream.calls.empty() && stream.calls.back().number == SYS_clone &&
               (stream.calls.back().arguments[0] & CLONE_VM) == 0;
    };
    while (!stream.ended && !has_forked()) stream.add(live.thread(ThreadIndex{0}).fetch());
    ASSERT_TRUE(has_forked());
    EXPECT_GT(stream.calls.back().result, 0);
}

/// The pid of a process that one of our threads started; 0 when there is none.
pid_t any_child() {
    pid_t pid = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream list(entry.path() / "children");
        list >> pid;
        if (pid != 0) break;
    }
    return pid;
}

TEST(LiveProgram, DoesNotOutliveAKilledConsumer) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t consumer = fork();
    if (consumer == 0) {
        LiveProgram live(quiet({program("compute"), "1000000"}));
        static_cast<void>(live.thread(ThreadIndex{0}).fetch());
        const pid_t pid = any_child();
        if (write(ends[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        kill(getpid(), SIGKILL);
    }
    pid_t pid = 0;
    ASSERT_EQ(read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
    ASSERT_GT(pid, 0);
    waitpid(consumer, nullptr, 0);
    // An orphan that nobody has reaped yet is dead too: it has no executable any more.
    const std::string executable = "/proc/" + std::to_string(pid) + "/exe";
    std::error_code error;
    for (int i = 0; i < 500 && std::filesystem::exists(executable, error); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_FALSE(std::filesystem::exists(executable, error));
    close(ends[0]);
    close(ends[1]);
}

TEST(LiveProgram, StopsTheProgramWhenTheConsumerStops) {
    pid_t pid = 0;
    {
        LiveProgram live(quiet({program("compute"), "1000000"}));
        StreamBatch batch = live.thread(ThreadIndex{0}).fetch();
        EXPECT_EQ(batch.status, StreamStatus::More);
        pid = any_child();
        ASSERT_GT(pid, 0);
    }
    EXPECT_EQ(kill(pid, 0), -1);
}

TEST(LiveProgram, PassesArgumentsEnvironmentAndRedirections) {
    const std::string out = scratch_file("live_program_out.txt");
    LiveOptions options = quiet({"sh", "-c", "echo $0 $1 $COLOUR; pwd", "zero", "one"});
    options.stdout_file = out;
    options.environment = {{"COLOUR=blue"}};
    options.working_directory = "/usr";
    LiveProgram live(options);
    StreamCollector collector(live);
    collector.read_to_the_end();
    std::ifstream file(out);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text, "zero one blue\n/usr\n");
}

TEST(LiveProgram, RunsAScriptsInterpreter) {
    const std::string script = scratch_file("live_program_script.sh");
    std::ofstream(script) << "#!/bin/sh\nexit $1\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    LiveProgram live(quiet({script, "9"}));
    StreamCollector collector(live);
    collector.read_to_the_end();
    EXPECT_EQ(live.exit_status(), 9);
    EXPECT_NE(find_call(collector.first(), SYS_openat), nullptr);
}

TEST(LiveProgram, KnowsTheMapBeforeTheFirstInstruction) {
    for (const std::string name : {"own_maps", "own_maps_static"}) {
        const std::string out = scratch_file("live_program_maps.txt");
        LiveOptions options = quiet({program(name)});
        options.stdout_file = out;
        LiveProgram live(options);
        StreamCollector collector(live);
        collector.read_to_the_end();
        ASSERT_EQ(live.exit_status(), 0);
        std::ifstream file(out);
        const std::string printed{std::istreambuf_iterator<char>(file), {}};

        int stacks = 0, heaps = 0, files = 0, code = 0;
        VirtAddr last_end{};
        for (const InitialMapping& mapping : live.initial_mappings()) {
            EXPECT_GE(mapping.start, last_end) << name;
            last_end = mapping.end;
            stacks += mapping.grows_down;
            heaps += mapping.heap;
            files += mapping.file == program(name);
            code += mapping.executable && !mapping.file.empty();
            if (mapping.grows_down) {
                EXPECT_EQ(mapping.end - mapping.start, 8ULL << 20);
            }
            // Its own text: every file, and the stack, are where the map said.
            if (!mapping.file.empty()) {
                EXPECT_THAT(printed, testing::HasSubstr(mapping.file));
            }
        }
        EXPECT_EQ(stacks, 1) << name;
        EXPECT_EQ(heaps, 1) << name;
        EXPECT_GE(files, 4) << name;
        EXPECT_GE(code, 1) << name;
        const SyscallRecord* brk = find_call(collector.first(), SYS_brk);
        ASSERT_NE(brk, nullptr);
        for (const InitialMapping& mapping : live.initial_mappings()) {
            if (mapping.heap) {
                EXPECT_EQ(mapping.start.value(), static_cast<std::uint64_t>(brk->result)) << name;
            }
        }
    }
}

TEST(LiveProgram, RefusesWhatItCannotRun) {
    EXPECT_THROW(LiveProgram(quiet({})), InputError);
    EXPECT_THROW(LiveProgram(quiet({"no-such-program-anywhere"})), InputError);
    EXPECT_THROW(LiveProgram(quiet({"/no/such/program"})), InputError);
    EXPECT_THROW(LiveProgram(quiet({"/etc/passwd"})), InputError);
    EXPECT_THROW(LiveProgram(quiet({"/usr"})), InputError);

    const std::string text = scratch_file("live_program_text");
    std::ofstream(text) << "not a program";
    std::filesystem::permissions(text, std::filesystem::perms::owner_all);
    EXPECT_THROW(LiveProgram(quiet({text})), InputError);

    std::ifstream own(program("exact_loop"), std::ios::binary);
    std::string elf{std::istreambuf_iterator<char>(own), {}};
    elf[18] = '\xb7'; // e_machine: AArch64
    elf[19] = 0;
    const std::string other = scratch_file("live_program_other_machine");
    std::ofstream(other, std::ios::binary) << elf;
    std::filesystem::permissions(other, std::filesystem::perms::owner_all);
    EXPECT_THROW(LiveProgram(quiet({other})), InputError);
}

TEST(LiveProgram, SaysWhatIsMissing) {
    LiveOptions options = quiet({program("exact_loop")});
    options.qemu = "no-such-emulator";
    EXPECT_THROW(LiveProgram{options}, InputError);
    options = quiet({program("exact_loop")});
    options.plugin = "/no/such/plugin.so";
    EXPECT_THROW(LiveProgram{options}, InputError);
    options = quiet({program("exact_loop")});
    options.plugin = "/etc/passwd"; // QEMU says why it cannot load it
    EXPECT_THROW(LiveProgram{options}, InputError);
    options = quiet({program("exact_loop")});
    options.stdin_file = "/no/such/file";
    EXPECT_THROW(LiveProgram{options}, InputError);
    options = quiet({program("exact_loop")});
    options.ring_bytes = 3000000;
    EXPECT_THROW(LiveProgram{options}, InputError);
}

} // namespace
} // namespace pagewalk::workloads
