#include "base/error.h"
#include "workloads/qemu/guest_process.h"
#include "workloads/qemu/segment.h"
#include "workloads/qemu/supervisor.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// A shell of the host's under supervision.
class SupervisorTest : public testing::Test {
protected:
    void SetUp() override {
        if (const std::string reason = Supervisor::refusal(); !reason.empty()) GTEST_SKIP() << reason;
    }

    static ProcessSetup shell(const std::string& script) {
        ProcessSetup setup;
        setup.path = "/bin/sh";
        setup.argv = {"sh", "-c", script};
        setup.stderr_file = "/dev/null";
        return setup;
    }

    Segment segment{min_ring_bytes};
    Supervisor supervisor{{.emulator = "/usr/bin/qemu-x86_64",
                           .plugin = "unused",
                           .segment = segment.view(),
                           .segment_descriptor = segment.descriptor(),
                           .program = "/bin/sh",
                           .command = "sh"}};
};

TEST_F(SupervisorTest, KnowsProcessesAndTheirEnds) {
    const GuestProcess process(shell("(exit 3); exit 5"), &supervisor);
    process.wait();
    const auto records = supervisor.processes();
    ASSERT_GE(records.size(), 2);
    EXPECT_EQ(records[0].pid, process.pid());
    EXPECT_EQ(records[1].parent, process.pid());
    EXPECT_EQ(records[1].end, (ProcessEnd{.kind = ProcessEnd::Kind::Exited, .value = 3}));
}

TEST_F(SupervisorTest, KillsAllThatDescendsFromTheProcess) {
    std::vector<ProcessRecord> records;
    {
        const GuestProcess process(shell("(while :; do :; done) & (while :; do :; done) & exit 0"),
                                   &supervisor);
        EXPECT_EQ(process.wait(), 0);
        records = supervisor.processes();
        ASSERT_EQ(records.size(), 3);
        EXPECT_EQ(kill(records[1].pid, 0), 0);
        EXPECT_EQ(kill(records[2].pid, 0), 0);
    }
    for (const ProcessRecord& record : records) {
        // Its new parent may take a moment to reap it.
        for (int i = 0; i < 500 && kill(record.pid, 0) == 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_TRUE(kill(record.pid, 0) == -1 && errno == ESRCH) << record.pid;
    }
}

TEST_F(SupervisorTest, RefusesWhatLinuxWouldRefuse) {
    const GuestProcess process(shell("/no/such/program; exit $?"), &supervisor);
    EXPECT_EQ(process.wait(), 127);
}

TEST_F(SupervisorTest, SurvivesAChildThatGivesUpBeforeItIsAttached) {
    ProcessSetup setup = shell("exit 0");
    setup.stdin_file = "/no/such/file";
    for (int i = 0; i < 50; ++i) {
        try {
            const GuestProcess process(setup, &supervisor);
            ADD_FAILURE() << "started without its standard input";
        } catch (const InputError& error) {
            EXPECT_NE(std::string(error.what()).find(setup.stdin_file), std::string::npos) << error.what();
        }
    }
}

} // namespace
} // namespace pagewalk::workloads
