#pragma once

#include "os/task/futexes.h"
#include "os/task/processes.h"
#include "os/vm/address_space.h"
#include "tests/unit/os/task/task_rig.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pagewalk::os::test {

/// Has nothing to execute; may say that nothing may happen.
struct IdleStream final : InstructionStream {
    bool held_by_others = false;
    bool waits_for_others() const override { return held_by_others; }
    bool is_ready = true;
    StreamBatch fetch() override { return {}; }
    bool ready() override { return is_ready; }
};

/// A program whose children's streams show up when a test adds them.
struct FakeProgram final : Workload {
    IdleStream first;
    std::size_t mappings_executed = 2;           ///< of what execve sets up; 0: nobody saw it
    std::map<std::int64_t, IdleStream> children; ///< by the id that the program was told
    bool live = false;
    std::int64_t comes_when_awaited = 0; ///< a child that shows up once somebody waits for news

    std::string description() const override { return "fake"; }
    std::vector<InitialMapping> initial_mappings() const override { return std::vector<InitialMapping>(1); }
    std::vector<InitialMapping> image(ThreadIndex) const override {
        return std::vector<InitialMapping>(mappings_executed);
    }
    InstructionStream& thread(ThreadIndex) override { return first; }
    InstructionStream* child(ThreadIndex, std::int64_t child) override {
        const auto found = children.find(child);
        return found == children.end() ? nullptr : &found->second;
    }
    ThreadIndex index_of_child(ThreadIndex, std::int64_t child) override {
        return static_cast<ThreadIndex>(child);
    }
    bool is_live() const override { return live; }
    bool wait_for_news(std::uint64_t) override {
        if (comes_when_awaited != 0) children.try_emplace(comes_when_awaited);
        return live;
    }
};

/// Address spaces that only count their users and what was loaded into them.
struct FakeMemory final : ProcessMemory {
    TaskRunner& runner;
    std::map<const AddressSpace*, std::size_t> loaded; ///< mappings
    std::vector<const AddressSpace*> destroyed;
    std::vector<const AddressSpace*> forked; ///< parents

    explicit FakeMemory(TaskRunner& of) : runner(of) {}
    std::shared_ptr<AddressSpace> create(Operation&) override {
        auto space = std::make_shared<AddressSpace>(runner);
        space->users = 1;
        return space;
    }
    void load_arguments(Operation&, AddressSpace&, std::span<const InitialMapping>) override {}
    void load(Operation&, AddressSpace& space, std::span<const InitialMapping> image) override {
        loaded[&space] = image.size();
    }
    std::shared_ptr<AddressSpace> fork(Operation& op, AddressSpace& parent) override {
        forked.push_back(&parent);
        return create(op);
    }
    void add_user(Operation&, AddressSpace& space) override { ++space.users; }
    void drop_user(Operation&, AddressSpace& space) override { --space.users; }
    void destroy(Operation&, AddressSpace& space) override {
        if (space.users == 0) destroyed.push_back(&space);
    }
    MemoryUse use(AddressSpace&) override { return {}; }
    std::uint64_t badness(const AddressSpace&) const override { return 0; }
    std::size_t areas(const AddressSpace&) const override { return 0; }
    std::uint64_t peak_resident(const AddressSpace& space) const override { return space.peak_pages; }
    VirtAddr object_of(const AddressSpace& space) const override { return space.object; }
    void reap(Operation&, AddressSpace&) override {}
};

/// Descriptor tables that are counted. What they hold is no business of tasks.
struct FakeFiles final : ProcessFiles {
    int closed = 0, copied = 0;
    std::vector<const FileDescriptors*> executed; ///< whose descriptors with FD_CLOEXEC were closed
    std::shared_ptr<FileDescriptors> create() override { return table(); }
    std::shared_ptr<FileDescriptors> copy(Operation&, FileDescriptors&) override {
        ++copied;
        return table();
    }
    void close_on_exec(Operation&, FileDescriptors& files) override { executed.push_back(&files); }
    void close_all(Operation&, FileDescriptors&) override { ++closed; }

private:
    std::shared_ptr<FileDescriptors> table() {
        auto place = std::make_shared<int>(0);
        return {place, reinterpret_cast<FileDescriptors*>(place.get())};
    }
};

/// Processes over TaskRig: a program that has started and runs on CPU 0.
struct ProcessRig : TaskRig {
    KernelObjects objects{frames, {}, InitOnAlloc::Off, 1};
    FakeMemory memory{runner};
    FakeFiles open_files;
    FakeProgram workload;
    Program program{&workload};
    Futexes futexes{runner};
    Processes processes{{runner, scheduler, frames, objects, counters, memory, open_files}, 2};
    Task* first = nullptr;

    ProcessRig() {
        processes.start(program);
        first = take_over(cpu0);
    }
    ~ProcessRig() { processes.unwind(); }

    /// The next task of `cpu` runs there from now on. Null when there is none.
    Task* take_over(CpuId cpu) {
        Task* task = scheduler.next(cpu);
        if (task == nullptr) return nullptr;
        scheduler.set_running(cpu, task);
        task->state = TaskState::Running;
        task->cpu = cpu;
        task->ever_ran = true;
        return task;
    }
    /// `task`, which runs, does `job(op)` up to its end or its first wait.
    template <class Job>
    void does(Task& task, Job job) {
        runner.run(task, task.cpu, now, std::move(job));
        run_path(task);
    }
    /// clone by the first task, of a child whose stream shows up at once and which CPU 1 takes over.
    Task* clone(std::uint64_t flags, std::int64_t child) {
        workload.children[child];
        does(*first, [&](Operation& op) { processes.clone(op, *first, flags, child); });
        return take_over(cpu1);
    }

    static constexpr std::uint64_t thread = clone_flag::vm | clone_flag::files | clone_flag::thread;
    static constexpr std::uint64_t vfork = clone_flag::vm | clone_flag::vfork;
};

} // namespace pagewalk::os::test
