#include "workloads/qemu/process_table.h"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr int exited(int status) { return status << 8; }

TEST(ProcessTable, KeepsProcessesInTheOrderInWhichTheyBegan) {
    ProcessTable table;
    table.add_process(100, 1);
    table.set_command(100, "sh -c x");
    table.add_process(101, 100);
    table.set_command(101, "true");
    table.end_thread(101, exited(3));
    table.end_thread(100, exited(0));
    ASSERT_EQ(table.records().size(), 2);
    EXPECT_EQ(table.records()[0].command, "sh -c x");
    EXPECT_EQ(table.records()[1].parent, 100);
    EXPECT_EQ(table.records()[1].end, (ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = 3}));
    EXPECT_TRUE(table.alive().empty());
}

TEST(ProcessTable, GivesAChildItsParentsProgram) {
    ProcessTable table;
    table.add_process(100, 1);
    table.at(100).program = "/bin/sh";
    table.set_command(100, "sh");
    table.add_process(101, 100);
    EXPECT_EQ(table.at(101).program, "/bin/sh");
    EXPECT_EQ(table.records()[1].command, "sh");
}

TEST(ProcessTable, EndsAProcessWithItsFirstThreadOnly) {
    ProcessTable table;
    table.add_process(100, 1);
    table.add_thread(105, 100);
    table.end_thread(105, exited(0));
    EXPECT_EQ(table.records()[0].end.kind, ProcessEnd::Kind::Running);
    EXPECT_EQ(table.alive().size(), 1);
    table.add_thread(106, 100);
    table.drop_other_threads(100);
    EXPECT_FALSE(table.knows_thread(106));
    EXPECT_TRUE(table.knows_thread(100));
}

TEST(ProcessTable, TellsAProgramsOwnSignalsFromOthers) {
    const auto end_by = [](pid_t sender) {
        ProcessTable table;
        table.add_process(100, 1);
        if (sender != 0) table.at(100).senders[SIGSEGV] = sender;
        table.end_thread(100, SIGSEGV);
        return table.records()[0].end;
    };
    EXPECT_EQ(end_by(100).sender, ProcessEnd::Sender::Program);
    EXPECT_EQ(end_by(77).sender, ProcessEnd::Sender::Outside);
    EXPECT_EQ(end_by(0).sender, ProcessEnd::Sender::Outside);
    EXPECT_EQ(end_by(77).value, SIGSEGV);
    EXPECT_EQ(end_by(77).kind, ProcessEnd::Kind::Killed);
}

TEST(ProcessTable, KnowsWhoSentAKillToWhom) {
    const auto sender_of = [](pid_t target) {
        ProcessTable table;
        table.add_process(getpid(), 1);
        table.add_process(100, getpid());
        table.add_thread(105, 100);
        table.note_kill(getpid(), target);
        table.end_thread(100, SIGKILL);
        return table.records()[1].end.sender;
    };
    EXPECT_EQ(sender_of(100), ProcessEnd::Sender::Program);
    EXPECT_EQ(sender_of(105), ProcessEnd::Sender::Program); // a thread of it
    EXPECT_EQ(sender_of(-1), ProcessEnd::Sender::Program);
    EXPECT_EQ(sender_of(getpid()), ProcessEnd::Sender::Outside);
    EXPECT_EQ(sender_of(-getpgid(0)), ProcessEnd::Sender::Outside); // 100 is not in it

    ProcessTable table;
    table.add_process(getpid(), 1);
    table.note_kill(getpid(), 0); // its own group
    table.end_thread(getpid(), SIGKILL);
    EXPECT_EQ(table.records()[0].end.sender, ProcessEnd::Sender::Program);
}

TEST(ProcessTable, FindsTheProcessOfAThreadThatNobodyAnnounced) {
    ProcessTable table;
    EXPECT_EQ(table.process_of(getpid()), getpid());
    EXPECT_EQ(table.records()[0].parent, getppid());
}

} // namespace
} // namespace pagewalk::workloads
