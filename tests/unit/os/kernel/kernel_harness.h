#pragma once

#include "os/kernel/kernel.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace pagewalk::os::test {

/// A stream that hands out what a test has queued; every batch is one system call or one touch.
struct ScriptedStream final : InstructionStream {
    std::deque<SyscallRecord> calls;
    SyscallRecord current;
    bool is_ready = true;
    bool asks = false; ///< waits for answers to calls about memory
    std::int64_t answered = 0;
    std::vector<std::byte> answer_data;

    bool takes_answers() const override { return asks; }
    void answer(std::int64_t result, std::span<const std::byte> data) override {
        answered = result;
        answer_data.assign(data.begin(), data.end());
    }
    bool ready() override { return is_ready; }
    StreamBatch fetch() override {
        if (calls.empty()) return {};
        current = calls.front();
        calls.pop_front();
        return {.status = StreamStatus::SystemCall, .syscall = &current};
    }
};

struct ScriptedWorkload final : Workload {
    std::vector<InitialMapping> mappings;
    std::vector<std::unique_ptr<ScriptedStream>> streams;
    std::map<std::int64_t, std::size_t> children; ///< by id in the program's world
    bool on_touch = false;
    int asked_for_news = 0;

    bool wait_for_news(std::uint64_t) override {
        ++asked_for_news;
        return false;
    }
    ScriptedWorkload() { streams.push_back(std::make_unique<ScriptedStream>()); }
    ScriptedStream& add_child(std::int64_t id) {
        children[id] = streams.size();
        return *streams.emplace_back(std::make_unique<ScriptedStream>());
    }
    std::string description() const override { return "scripted"; }
    std::vector<InitialMapping> initial_mappings() const override { return mappings; }
    InstructionStream& thread(ThreadIndex index) override {
        return *streams[static_cast<std::size_t>(index)];
    }
    InstructionStream* child(ThreadIndex, std::int64_t child) override {
        const auto found = children.find(child);
        return found == children.end() ? nullptr : streams[found->second].get();
    }
    ThreadIndex index_of_child(ThreadIndex, std::int64_t child) override {
        return static_cast<ThreadIndex>(children.at(child));
    }
    bool maps_on_touch() const override { return on_touch; }
};

/// What a path does when it runs, added up.
struct PathTotals {
    std::uint64_t instructions = 0;
    std::uint64_t steps = 0;
    std::uint64_t cleared = 0, copied = 0; ///< bytes
    std::uint64_t flushes = 0;
    int locks_held = 0;
    bool slept = false;
    PathOutcome outcome = PathOutcome::Resume;
};

/// Runs a path as a core of one instruction a nanosecond would, up to its end or a sleep.
inline PathTotals run_path(Kernel& kernel, CpuId cpu, KernelPath& path, Tick& now) {
    PathTotals totals;
    totals.outcome = path.outcome;
    while (path.position < path.steps().size()) {
        const KernelStep step = path.steps()[path.position++];
        ++totals.steps;
        switch (step.kind) {
        case StepKind::Execute:
            totals.instructions += step.count;
            now += Tick(step.count * ticks_per_ns);
            break;
        case StepKind::ClearPages:
            totals.cleared += step.count;
            break;
        case StepKind::CopyPages:
            totals.copied += step.count;
            break;
        case StepKind::AcquireLock:
            ++totals.locks_held;
            break;
        case StepKind::ReleaseLock:
            --totals.locks_held;
            break;
        case StepKind::FlushTlb:
            ++totals.flushes;
            break;
        case StepKind::Mark:
            path.set_mark(step.count, now);
            break;
        case StepKind::Effect:
            kernel.effect(cpu, path, step.count, now);
            break;
        case StepKind::Sleep:
            totals.slept = true;
            break;
        case StepKind::Load:
        case StepKind::Store:
        case StepKind::Atomic:
            break;
        }
        if (totals.slept) break;
    }
    kernel.path_completed(cpu, path, now);
    return totals;
}

/// A disk that answers after a while, and what brings its interrupts to the CPUs.
struct TestDevices final : InterruptController, BlockDevice {
    struct Pending {
        CpuId cpu{};
        Interrupt what;
        Tick at{};
    };
    struct Done {
        CpuId cpu{};
        std::uint64_t tag = 0;
        Tick at{};
    };
    Tick latency{80'000 * ticks_per_ns};
    std::vector<Pending> pending;
    std::vector<Done> done;
    std::vector<BlockRequest> requests;

    void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
        pending.push_back({cpu, interrupt, at});
    }
    [[nodiscard]] std::uint32_t interrupt_source() const override { return 0; }
    void submit(const BlockRequest& request, Tick now) override {
        requests.push_back(request);
        done.push_back({request.cpu, request.tag, now + latency});
        raise(request.cpu, {InterruptKind::Device, 0}, now + latency);
    }
    std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> taken_now) override {
        std::size_t taken = 0;
        std::erase_if(done, [&](const Done& each) {
            if (each.cpu != cpu || each.at > now || taken == taken_now.size()) return false;
            taken_now[taken++].tag = each.tag;
            return true;
        });
        return taken;
    }
    [[nodiscard]] Tick next() const {
        Tick earliest = no_time;
        for (const Pending& each : pending) earliest = std::min(earliest, each.at);
        return earliest;
    }
    void deliver(Kernel& kernel, Tick now) {
        for (std::size_t i = 0; i < pending.size();) {
            if (pending[i].at > now) {
                ++i;
                continue;
            }
            const Pending due = pending[i];
            pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(i));
            Tick time = now;
            run_path(kernel, due.cpu, kernel.interrupt(due.cpu, due.what, now), time);
        }
    }
};

/// A booted kernel with one scripted task on CPU 0.
struct Machine {
    PageTableMemory tables;
    KernelConfig config;
    TestDevices devices;
    std::unique_ptr<Kernel> kernel;
    ScriptedWorkload workload;
    ProgramPlacement placement;
    std::deque<SyscallRecord> records;
    Tick now{};

    explicit Machine(std::uint64_t bytes = 512ULL << 20, std::size_t cpus = 1) {
        config.memory = pc_memory_map({bytes}, cpus);
    }
    void boot() {
        kernel = std::make_unique<Kernel>(config, tables);
        kernel->connect(devices, devices);
        kernel->start(workload, placement);
    }
    ScheduledTask pick(CpuId cpu = CpuId{}) {
        devices.deliver(*kernel, now);
        ScheduledTask next;
        if (kernel->pick(cpu, now, next) == KernelInterface::Pick::Idle) return {};
        if (next.path != nullptr) run_path(*kernel, cpu, *next.path, now);
        return next;
    }
    PathTotals touch(std::uint64_t address, FaultAccess access = FaultAccess::Write, CpuId cpu = CpuId{}) {
        KernelPath& path = kernel->page_fault(cpu, VirtAddr(address), access, now);
        return run_path(*kernel, cpu, path, now);
    }
    /// When something next happens by itself.
    [[nodiscard]] Tick next_event(CpuId cpu = CpuId{}) const {
        return std::min(kernel->next_wakeup(cpu), devices.next());
    }
    /// Lets time pass until the operation that `task` is in the middle of is over. Returns how it ended.
    PathOutcome finish(TaskId task, CpuId cpu = CpuId{}) {
        const auto waits = [&] {
            const Task* of = kernel->find_task(task);
            return of != nullptr && TaskRunner::in_operation(*of);
        };
        for (int rounds = 0; waits() && rounds < 1'000'000; ++rounds)
            if (pick(cpu).task == TaskId{}) now = std::max(now, next_event(cpu));
        const Task* of = kernel->find_task(task);
        return of == nullptr || of->exited ? PathOutcome::Exit : PathOutcome::Resume;
    }
    /// A touch by `task`, which runs on `cpu`, with all the waiting that it takes.
    PathOutcome touch_and_wait(TaskId task, std::uint64_t address, CpuId cpu = CpuId{},
                               FaultAccess access = FaultAccess::Write) {
        const PathTotals begun = touch(address, access, cpu);
        return begun.slept || begun.outcome == PathOutcome::Reschedule ? finish(task, cpu) : begun.outcome;
    }
    PathTotals call(std::uint32_t number, std::array<std::uint64_t, 6> arguments, std::int64_t result,
                    CpuId cpu = CpuId{}) {
        SyscallRecord record{.number = number, .arguments = arguments, .result = result};
        return call(record, cpu);
    }
    PathTotals call(const SyscallRecord& record, CpuId cpu = CpuId{}) {
        records.push_back(record); // a call that waits looks at it again
        KernelPath& path = kernel->system_call(cpu, records.back(), now);
        return run_path(*kernel, cpu, path, now);
    }
    /// The beginning of a call that may block.
    PathTotals enter(const SyscallRecord& record, CpuId cpu = CpuId{}) {
        records.push_back(record);
        return run_path(*kernel, cpu, kernel->system_call_entered(cpu, records.back(), now), now);
    }
    PathTotals map_anonymous(std::uint64_t address, std::uint64_t bytes, std::uint64_t protection = 3,
                             std::uint64_t flags = 0x22) {
        return call(9, {0, bytes, protection, flags, ~0ULL, 0}, static_cast<std::int64_t>(address));
    }
    /// Frames that are neither free nor in anybody's hands at boot.
    [[nodiscard]] std::uint64_t free_frames() const {
        std::uint64_t sum = 0;
        for (const auto& zone : kernel->allocator().zones())
            sum += static_cast<std::uint64_t>(zone->exact_free_pages() + zone->pcp_pages());
        return sum;
    }
};

} // namespace pagewalk::os::test
