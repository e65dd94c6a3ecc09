#include "os/syscall/handlers.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

struct StreamCalls : testing::Test {
    Machine machine;
    TaskId task{};

    void SetUp() override {
        machine.boot();
        task = machine.pick().task;
    }
    [[nodiscard]] OpenFile* file(std::uint64_t fd) {
        return machine.kernel->find_task(task)->files->find(fd);
    }
};

TEST_F(StreamCalls, MakeAPipeOfTwoEnds) {
    machine.call(SyscallRecord{.number = SYS_pipe2, .descriptors = {3, 4}});
    ASSERT_NE(file(3), nullptr);
    ASSERT_NE(file(4), nullptr);
    EXPECT_EQ(file(3)->source, file(4)->sink);
    EXPECT_EQ(file(3)->sink, nullptr);
    EXPECT_EQ(file(4)->source, nullptr);
}

TEST_F(StreamCalls, KnowNothingOfAPipeWhoseDescriptorsAreNotTold) {
    machine.call(SYS_pipe, {0}, 0);
    EXPECT_EQ(file(0), nullptr);
    EXPECT_EQ(machine.kernel->objects().objects(ObjectKind::File), 0U);
}

TEST_F(StreamCalls, MakeAPairOfSocketsThatLeadToEachOther) {
    machine.call(SyscallRecord{.number = SYS_socketpair, .descriptors = {3, 4}});
    EXPECT_EQ(file(3)->source, file(4)->sink);
    EXPECT_EQ(file(4)->source, file(3)->sink);
}

TEST_F(StreamCalls, MakeAndFreeTheObjectsOfTheirFiles) {
    machine.call(SYS_socket, {2, 1, 0}, 3);
    machine.call(SYS_accept, {3}, 4);
    EXPECT_EQ(machine.kernel->objects().objects(ObjectKind::File), 2U);
    machine.call(SYS_close_range, {3, 4}, 0);
    EXPECT_EQ(machine.kernel->objects().objects(ObjectKind::File), 0U);
}

TEST_F(StreamCalls, SayWhichDescriptorsAnExecCloses) {
    const auto closes = [&](std::uint64_t fd) {
        return machine.kernel->find_task(task)->files->closes_on_exec(fd);
    };
    machine.call(SyscallRecord{.number = SYS_pipe2, .arguments = {0, O_CLOEXEC}, .descriptors = {3, 4}});
    EXPECT_TRUE(closes(3) && closes(4));
    machine.call(SyscallRecord{.number = SYS_pipe, .arguments = {0, O_CLOEXEC}, .descriptors = {3, 4}});
    EXPECT_FALSE(closes(3) || closes(4));
    machine.call(SYS_socket, {2, 1 | SOCK_CLOEXEC, 0}, 5);
    EXPECT_TRUE(closes(5));
    machine.call(SYS_accept, {5, 0, 0, SOCK_CLOEXEC}, 6);
    EXPECT_FALSE(closes(6));
    machine.call(SYS_accept4, {5, 0, 0, SOCK_CLOEXEC}, 7);
    EXPECT_TRUE(closes(7));
}

} // namespace
} // namespace pagewalk::os
