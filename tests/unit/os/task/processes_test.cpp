#include "os/task/page_locks.h"
#include "os/task/processes.h"
#include "tests/unit/os/task/process_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::ProcessRig;

struct ProcessesOfAProgram : testing::Test {
    ProcessRig rig;
    Task& first = *rig.first;

    void exits(Task& task) {
        rig.does(task, [&](Operation& op) { rig.processes.exit(op, task); });
    }
    void execs(Task& task) {
        rig.does(task, [&](Operation& op) { rig.processes.exec(op, task); });
    }
    [[nodiscard]] std::uint64_t objects(ObjectKind kind) const { return rig.objects.objects(kind); }
};

TEST_F(ProcessesOfAProgram, BeginWithItsMemoryLoaded) {
    EXPECT_EQ(first.group, first.id);
    EXPECT_EQ(first.stream, &rig.workload.first);
    EXPECT_EQ(rig.memory.loaded.at(first.space.get()), 1U);
    EXPECT_EQ(rig.processes.live(), 1U);
}

TEST_F(ProcessesOfAProgram, ForkACopyOfTheirMemoryAndFiles) {
    Task* child = rig.clone(0, 77);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(child->group, child->id);
    EXPECT_NE(child->space, first.space);
    EXPECT_EQ(rig.memory.forked.back(), first.space.get());
    EXPECT_EQ(rig.open_files.copied, 1);
    EXPECT_EQ(rig.processes.live(), 2U);
    EXPECT_EQ(first.state, TaskState::Running); // fork does not wait for the child
}

TEST_F(ProcessesOfAProgram, ShareMemoryFilesAndObjectsAmongTheirThreads) {
    const std::uint64_t signals = objects(ObjectKind::Signals);
    Task* thread = rig.clone(ProcessRig::thread, 78);
    ASSERT_NE(thread, nullptr);
    EXPECT_EQ(thread->group, first.id);
    EXPECT_EQ(thread->space, first.space);
    EXPECT_EQ(thread->files, first.files);
    EXPECT_EQ(thread->process, first.process);
    EXPECT_EQ(first.space->users, 2U);
    EXPECT_EQ(objects(ObjectKind::Signals), signals);
}

TEST_F(ProcessesOfAProgram, RunAChildOnceItsInstructionsHaveShownUp) {
    rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, 0, 77); });
    EXPECT_TRUE(rig.processes.awaits_streams());
    rig.processes.adopt_streams({cpu0, rig.now});
    EXPECT_EQ(rig.take_over(cpu1), nullptr);
    rig.workload.children[77];
    rig.processes.adopt_streams({cpu0, rig.now});
    EXPECT_FALSE(rig.processes.awaits_streams());
    EXPECT_NE(rig.take_over(cpu1), nullptr);
}

TEST_F(ProcessesOfAProgram, WaitInForkForTheChildsInstructionsWhereTheProgramRunsMeanwhile) {
    rig.workload.live = true;
    rig.workload.comes_when_awaited = 77;
    rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, 0, 77); });
    EXPECT_FALSE(rig.processes.awaits_streams());
    EXPECT_EQ(rig.processes.live(), 2U);
}

TEST_F(ProcessesOfAProgram, EndAChildWhoseInstructionsNeverShowUp) {
    rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, 0, 77); });
    EXPECT_EQ(rig.processes.live(), 2U);
    rig.processes.give_up_streams({cpu0, rig.now});
    EXPECT_FALSE(rig.processes.awaits_streams());
    EXPECT_EQ(rig.processes.live(), 1U);
    EXPECT_EQ(rig.memory.destroyed.size(), 1U);
}

TEST_F(ProcessesOfAProgram, WaitAfterVforkUntilTheChildExits) {
    Task* child = rig.clone(ProcessRig::vfork, 77);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(child->space, first.space);
    EXPECT_TRUE(TaskRunner::in_operation(first));
    EXPECT_EQ(first.state, TaskState::Sleeping);
    exits(*child);
    EXPECT_EQ(first.state, TaskState::Runnable);
    EXPECT_EQ(rig.pick(first.cpu), &first);
    EXPECT_FALSE(TaskRunner::in_operation(first));
}

TEST_F(ProcessesOfAProgram, WaitAfterVforkUntilTheChildExecutesAnotherProgram) {
    Task* child = rig.clone(ProcessRig::vfork, 77);
    ASSERT_NE(child, nullptr);
    execs(*child);
    EXPECT_EQ(first.state, TaskState::Runnable);
    rig.pick(first.cpu);
    EXPECT_FALSE(TaskRunner::in_operation(first));
    EXPECT_FALSE(child->exited);
}

TEST_F(ProcessesOfAProgram, WakeAVforksParentWhenThePathOfTheExitGetsThere) {
    Task* child = rig.clone(ProcessRig::vfork, 77);
    ASSERT_NE(child, nullptr);
    rig.runner.run(*child, cpu1, rig.now, [&](Operation& op) { rig.processes.exit(op, *child); });
    EXPECT_EQ(first.state, TaskState::Sleeping);
    rig.run_path(*child);
    EXPECT_EQ(first.state, TaskState::Runnable);
}

TEST_F(ProcessesOfAProgram, ReplaceTheirMemoryInExecAndKeepTheOldUntilTheCpuHasLeftIt) {
    const AddressSpace* before = first.space.get();
    execs(first);
    EXPECT_NE(first.space.get(), before);
    EXPECT_EQ(rig.memory.loaded.at(first.space.get()), 2U);
    EXPECT_EQ(first.space_left.get(), before);
    EXPECT_TRUE(rig.memory.destroyed.empty());
    rig.processes.destroy_left_space(first, {cpu0, rig.now});
    EXPECT_EQ(rig.memory.destroyed, std::vector{before});
}

TEST_F(ProcessesOfAProgram, EndInAnExecThatNobodySaw) {
    rig.workload.mappings_executed = 0;
    execs(first);
    EXPECT_TRUE(first.exited);
    EXPECT_EQ(first.space_left, nullptr);
    EXPECT_EQ(rig.processes.live(), 0U);
}

TEST_F(ProcessesOfAProgram, EndTheirWaitingThreadsInExec) {
    Task* thread = rig.clone(ProcessRig::thread, 78);
    ASSERT_NE(thread, nullptr);
    bool woken = false;
    rig.does(*thread, [&](Operation& op) {
        rig.futexes.wait(op, VirtAddr(0x1000));
        woken = true;
    });
    EXPECT_EQ(thread->state, TaskState::Sleeping);
    execs(first);
    EXPECT_TRUE(thread->killed);
    EXPECT_FALSE(first.killed);
    EXPECT_EQ(thread->state, TaskState::Runnable);
    rig.pick(thread->cpu);
    EXPECT_TRUE(woken); // its call is over: it ends before it executes anything
    EXPECT_FALSE(TaskRunner::in_operation(*thread));
    // The old memory lives as long as the thread does.
    rig.processes.destroy_left_space(first, {cpu0, rig.now});
    EXPECT_TRUE(rig.memory.destroyed.empty());
    exits(*thread);
    rig.processes.free_task(*thread, {cpu1, rig.now});
    EXPECT_EQ(rig.memory.destroyed.size(), 1U);
}

TEST_F(ProcessesOfAProgram, HaveAnAccountThatTheirThreadsShareAndThatOutlivesThem) {
    Task* thread = rig.clone(ProcessRig::thread, 78);
    ASSERT_NE(thread, nullptr);
    Task* child = rig.clone(0, 79);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(thread->account, first.account);
    const std::deque<ProcessAccount>& accounts = rig.processes.accounts();
    ASSERT_EQ(accounts.size(), 3U); // the kernel's, the program's, the child's
    EXPECT_EQ(accounts[1].threads, 2U);
    EXPECT_EQ(child->account, &accounts[2]);
    EXPECT_EQ(accounts[2].parent, first.id);
    EXPECT_EQ(accounts[2].known_as, 79);
    child->space->peak_pages = 3;
    exits(*child);
    EXPECT_EQ(rig.processes.accounts()[2].peak_rss, 3 * page_size);
}

TEST_F(ProcessesOfAProgram, KeepThePeakOfAllTheirImages) {
    first.space->peak_pages = 9;
    execs(first);
    first.space->peak_pages = 2;
    EXPECT_EQ(rig.processes.accounts()[1].peak_rss, 9 * page_size);
}

TEST_F(ProcessesOfAProgram, FinishAWaitForAPageBeforeAKillEndsThem) {
    PageLocks locks(rig.frames, rig.runner);
    const Pfn frame = *rig.allocator->allocate({.mask = gfp::kernel});
    rig.frames.pages().at(frame).refcount = 1;
    locks.lock_new(frame);
    Task* thread = rig.clone(ProcessRig::thread, 78);
    ASSERT_NE(thread, nullptr);
    rig.does(*thread, [&](Operation& op) { locks.wait_until_unlocked(op, frame); });
    rig.does(first, [&](Operation& op) { rig.processes.kill_group(op, first.group, &first); });
    EXPECT_TRUE(thread->killed);
    EXPECT_EQ(thread->state, TaskState::Sleeping);
    locks.end_read(frame.value(), {cpu0, rig.now});
    EXPECT_EQ(thread->state, TaskState::Runnable);
    rig.pick(thread->cpu);
    EXPECT_FALSE(TaskRunner::in_operation(*thread));
}

TEST_F(ProcessesOfAProgram, WaitForAChildUntilItHasExited) {
    Task* child = rig.clone(0, 77);
    ASSERT_NE(child, nullptr);
    rig.does(first, [&](Operation& op) { rig.processes.wait_for_child(op, first, 77); });
    EXPECT_EQ(first.state, TaskState::Sleeping);
    execs(*child);
    rig.pick(cpu0); // woken, and asleep again: the child lives
    EXPECT_EQ(first.state, TaskState::Sleeping);
    exits(*child);
    EXPECT_EQ(first.state, TaskState::Runnable);
}

TEST_F(ProcessesOfAProgram, DoNotWaitForAChildThatIsGone) {
    Task* child = rig.clone(0, 77);
    ASSERT_NE(child, nullptr);
    exits(*child);
    rig.does(first, [&](Operation& op) { rig.processes.wait_for_child(op, first, 77); });
    EXPECT_EQ(first.state, TaskState::Running);
}

TEST_F(ProcessesOfAProgram, GiveUpAWaitForAChildThatNobodyElseWouldEnd) {
    ASSERT_NE(rig.clone(0, 77), nullptr);
    EXPECT_FALSE(rig.processes.give_up_a_wait({cpu0, rig.now}));
    rig.does(first, [&](Operation& op) { rig.processes.wait_for_child(op, first, 77); });
    EXPECT_TRUE(rig.processes.give_up_a_wait({cpu0, rig.now}));
    rig.pick(cpu0);
    EXPECT_FALSE(TaskRunner::in_operation(first));
}

TEST_F(ProcessesOfAProgram, CloseTheirFilesWithTheLastThread) {
    Task* thread = rig.clone(ProcessRig::thread, 78);
    ASSERT_NE(thread, nullptr);
    exits(*thread);
    EXPECT_EQ(rig.open_files.closed, 0);
    exits(first);
    EXPECT_EQ(rig.open_files.closed, 1);
    EXPECT_EQ(rig.processes.live(), 0U);
}

TEST_F(ProcessesOfAProgram, EndTheirThreadsWithExitGroup) {
    Task* thread = rig.clone(ProcessRig::thread, 78);
    Task* child = rig.clone(0, 79);
    rig.does(first, [&](Operation& op) { rig.processes.exit_group(op, first); });
    EXPECT_TRUE(first.exited);
    EXPECT_TRUE(thread->killed);
    EXPECT_FALSE(child->killed); // a process of its own
}

TEST_F(ProcessesOfAProgram, DropAThreadThatNeverShowedUpWhenTheyAreKilled) {
    rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, ProcessRig::thread, 78); });
    const std::uint64_t tasks = objects(ObjectKind::Task);
    rig.does(first, [&](Operation& op) { rig.processes.exit_group(op, first); });
    EXPECT_FALSE(rig.processes.awaits_streams());
    EXPECT_EQ(objects(ObjectKind::Task), tasks - 1);
}

TEST_F(ProcessesOfAProgram, GiveEverythingOfATaskBackOnceItsPathHasRun) {
    const std::uint64_t tasks = objects(ObjectKind::Task), pids = objects(ObjectKind::Pid),
                        credentials = objects(ObjectKind::Credentials);
    Task* child = rig.clone(0, 77);
    ASSERT_NE(child, nullptr);
    const AddressSpace* space = child->space.get();
    const TaskId id = child->id;
    exits(*child);
    EXPECT_TRUE(rig.memory.destroyed.empty());
    rig.processes.free_task(*child, {cpu1, rig.now});
    EXPECT_EQ(rig.processes.find(id), nullptr);
    EXPECT_EQ(rig.memory.destroyed, std::vector{space});
    EXPECT_EQ(objects(ObjectKind::Task), tasks);
    EXPECT_EQ(objects(ObjectKind::Pid), pids);
    EXPECT_EQ(objects(ObjectKind::Credentials), credentials);
}

TEST_F(ProcessesOfAProgram, KeepTwoStacksOfDeadTasksOnEachCpuForNewOnes) {
    for (std::int64_t id = 80; id < 83; ++id) {
        rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, 0, id); });
        rig.workload.children[id];
    }
    rig.processes.adopt_streams({cpu0, rig.now});
    const std::uint64_t pages = rig.counters.nr_kernel_stack;
    for (int i = 0; i < 3; ++i) {
        Task* child = rig.take_over(cpu1);
        ASSERT_NE(child, nullptr);
        exits(*child);
        rig.scheduler.set_running(cpu1, nullptr);
        rig.processes.free_task(*child, {cpu0, rig.now});
    }
    EXPECT_EQ(rig.counters.nr_kernel_stack, pages - 12);
    EXPECT_EQ(rig.processes.kept_stack_pages(), 8U); // not the third one's
    rig.does(first, [&](Operation& op) { rig.processes.clone(op, first, 0, 90); });
    EXPECT_EQ(rig.counters.nr_kernel_stack, pages - 8);
    EXPECT_EQ(rig.processes.kept_stack_pages(), 4U);
}

/// A second program beside the rig's, with the number 1.
struct TwoPrograms : ProcessesOfAProgram {
    test::FakeProgram workload;
    Program program{&workload, StrayAccess::Maps, nullptr, ProgramNumber{1}};
};

TEST_F(TwoPrograms, BeginWhereAndWhenTheyAreTo) {
    rig.processes.start(program,
                        {.number = ProgramNumber{1}, .allowed = CpuMask(0b10), .begin = rig.now + Tick(500)},
                        {cpu0, rig.now});
    EXPECT_EQ(rig.take_over(cpu1), nullptr);
    rig.runner.wake_sleepers({cpu0, rig.now + Tick(499)});
    EXPECT_EQ(rig.take_over(cpu1), nullptr);
    rig.runner.wake_sleepers({cpu0, rig.now + Tick(500)});
    EXPECT_EQ(rig.scheduler.next(cpu0), nullptr);
    const Task* task = rig.take_over(cpu1);
    ASSERT_NE(task, nullptr);
    EXPECT_EQ(task->program, &program);
}

TEST_F(TwoPrograms, ChildrenMayRunWhereTheirParentMay) {
    first.allowed = CpuMask(0b10);
    Task* child = rig.clone(0, 77);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(child->allowed, CpuMask(0b10));
}

TEST_F(TwoPrograms, CountTheirTasksAndInstructionsApart) {
    rig.processes.start(program, {.number = ProgramNumber{1}}, {cpu0, rig.now});
    Task* second = rig.take_over(cpu1);
    ASSERT_NE(second, nullptr);
    rig.processes.account(second, {.user_instructions = 30});
    rig.processes.account(&first, {.user_instructions = 4});
    rig.processes.account(nullptr, {.user_instructions = 0, .kernel_instructions = 9});
    EXPECT_EQ(rig.processes.instructions_of(ProgramNumber{1}), 30U);
    EXPECT_EQ(rig.processes.instructions_of(ProgramNumber{0}), 4U);
    exits(*second);
    EXPECT_EQ(rig.processes.tasks_of(ProgramNumber{1}), 1U); // the rest of its exit is to come
    rig.scheduler.set_running(cpu1, nullptr);
    rig.processes.free_task(*second, {cpu1, rig.now});
    EXPECT_EQ(rig.processes.tasks_of(ProgramNumber{1}), 0U);
    EXPECT_EQ(rig.processes.tasks_of(ProgramNumber{0}), 1U);
}

TEST_F(TwoPrograms, DoNotWaitForEachOthersChildren) {
    workload.children[77];
    rig.processes.start(program, {.number = ProgramNumber{1}}, {cpu0, rig.now});
    Task* second = rig.take_over(cpu1);
    ASSERT_NE(second, nullptr);
    rig.does(*second, [&](Operation& op) { rig.processes.clone(op, *second, 0, 77); });
    exits(*second); // its child has no parent any more
    rig.scheduler.set_running(cpu1, nullptr);
    rig.processes.free_task(*second, {cpu1, rig.now});
    rig.does(first, [&](Operation& op) { rig.processes.wait_for_child(op, first, 77); });
    EXPECT_EQ(first.state, TaskState::Running);
}

TEST_F(ProcessesOfAProgram, CloseInExecWhatIsToBeClosedInDescriptorsOfTheirOwn) {
    Task* child = rig.clone(clone_flag::files, 77); // shares its parent's
    ASSERT_NE(child, nullptr);
    const FileDescriptors* const shared = first.files.get();
    execs(*child);
    ASSERT_EQ(rig.open_files.executed.size(), 1U);
    EXPECT_EQ(rig.open_files.executed[0], child->files.get());
    EXPECT_NE(child->files.get(), shared);
    EXPECT_EQ(first.files.get(), shared);
}

} // namespace
} // namespace pagewalk::os
