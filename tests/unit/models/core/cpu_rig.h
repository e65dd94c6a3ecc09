#pragma once

#include "models/core/cpu.h"
#include "tests/unit/models/core/core_rig.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <vector>

/// CPUs over shared caches with a kernel whose system calls are what the tests need.
namespace pagewalk::models::rig {

/// Batches as given, then the end.
class ListStream final : public InstructionStream {
public:
    /// Blocks, then what ends the batch.
    void add(std::vector<Step> steps, StreamStatus status = StreamStatus::More, SyscallRecord record = {}) {
        Batch& batch = m_batches.emplace_back();
        batch.steps = std::move(steps);
        for (const Step& s : batch.steps)
            batch.executions.push_back({&s.block, s.references.data(),
                                        static_cast<std::uint32_t>(s.references.size()), s.instructions});
        batch.status = status;
        batch.record = record;
    }
    StreamBatch fetch() override {
        if (m_next == m_batches.size()) return {};
        const Batch& batch = m_batches[m_next++];
        return {batch.executions, batch.status, &batch.record};
    }

private:
    struct Batch {
        std::vector<Step> steps;
        std::vector<BlockExecution> executions;
        StreamStatus status = StreamStatus::More;
        SyscallRecord record;
    };
    std::deque<Batch> m_batches;
    std::size_t m_next = 0;
};

/// System calls of the scripted kernel. Those that measure put a mark before and after.
enum class Call : std::uint32_t {
    Nothing,
    Sleep, ///< ticks
    Yield,
    Lock,        ///< address, instructions held: marks before, once held, after
    Flush,       ///< first page, pages, CPU mask: marks before and after
    Clear,       ///< address, bytes
    Copy,        ///< to, from, bytes
    LockedFlush, ///< lock, CPU mask: flushes a page of `data` while it holds the lock
    Effect,      ///< index, instructions before it: marks before and after
    Atomics,     ///< address, how many, instructions before each: marks after the last
};

[[nodiscard]] inline SyscallRecord call(Call number, std::uint64_t a = 0, std::uint64_t b = 0,
                                        std::uint64_t c = 0) {
    SyscallRecord record;
    record.number = static_cast<std::uint32_t>(number);
    record.arguments = {a, b, c};
    return record;
}

class ScriptedKernel final : public KernelInterface {
public:
    explicit ScriptedKernel(PageTables& space) : m_space(space) {}

    struct Task {
        TaskId id{};
        CpuId cpu{};
        ListStream stream;
        Tick slice{};
        KernelPath path;
        std::vector<Tick> marks; ///< of all paths that are complete
        bool sleeping = false, exited = false;
    };
    Task& add_task(std::uint32_t id, CpuId cpu = CpuId{0}, Tick slice = Tick(1'000'000'000)) {
        Task& task = *m_tasks.emplace_back(std::make_unique<Task>());
        task.id = TaskId{id};
        task.cpu = cpu;
        task.slice = slice;
        return task;
    }

    KernelPath& page_fault(CpuId cpu, VirtAddr address, FaultAccess access, Tick) override {
        faults.push_back({address, access});
        m_space.map(address.page(), Pfn(m_next_frame++));
        return begin(cpu);
    }
    KernelPath& system_call(CpuId cpu, const SyscallRecord& record, Tick now) override {
        ++system_calls;
        KernelPath& path = begin(cpu);
        const auto& a = record.arguments;
        switch (static_cast<Call>(record.number)) {
        case Call::Nothing:
            break;
        case Call::Sleep:
            path.mark();
            path.sleep_until(now + Tick(a[0]));
            path.execute(kernel_layout::text_base, 50, 10, 5);
            path.mark();
            break;
        case Call::Yield:
            path.outcome = PathOutcome::Reschedule;
            break;
        case Call::Lock:
            path.mark();
            path.acquire(VirtAddr(a[0]));
            path.mark();
            path.execute(kernel_layout::text_base, static_cast<std::uint32_t>(a[1]), 0, 0);
            path.release(VirtAddr(a[0]));
            path.mark();
            break;
        case Call::Flush: {
            TlbInvalidation invalidation{TlbInvalidation::Scope::Range, 1, VirtAddr(a[0]),
                                         VirtAddr(a[0] + a[1] * page_size), CpuMask(a[2])};
            path.mark();
            path.flush_tlb(invalidation);
            path.mark();
            break;
        }
        case Call::Clear:
            path.clear_pages(VirtAddr(a[0]), static_cast<std::uint32_t>(a[1]));
            break;
        case Call::Copy:
            path.copy_pages(VirtAddr(a[0]), VirtAddr(a[1]), static_cast<std::uint32_t>(a[2]));
            break;
        case Call::LockedFlush:
            path.acquire(VirtAddr(a[0]));
            path.execute(kernel_layout::text_base, 20'000, 0, 0);
            path.flush_tlb({TlbInvalidation::Scope::Range, 1, data, data + page_size, CpuMask(a[1])});
            path.release(VirtAddr(a[0]));
            break;
        case Call::Effect:
            path.mark();
            path.execute(kernel_layout::text_base, static_cast<std::uint32_t>(a[1]), 0, 0);
            path.effect(static_cast<std::uint32_t>(a[0]));
            path.mark();
            break;
        case Call::Atomics:
            for (std::uint64_t i = 0; i < a[1]; ++i) {
                path.execute(kernel_layout::text_base, static_cast<std::uint32_t>(a[2]), 0, 0);
                path.atomic(VirtAddr(a[0]));
            }
            path.mark();
            break;
        }
        return path;
    }
    KernelPath& system_call_entered(CpuId cpu, const SyscallRecord&, Tick) override { return begin(cpu); }
    KernelPath& stream_ended(CpuId cpu, Tick) override {
        KernelPath& path = begin(cpu);
        path.outcome = PathOutcome::Exit;
        return path;
    }
    KernelPath& stream_not_ready(CpuId cpu, Tick now) override {
        ++not_ready;
        KernelPath& path = begin(cpu);
        path.sleep_until(now + Tick(10'000'000));
        path.execute(kernel_layout::text_base, 50, 10, 5);
        return path;
    }
    void account(CpuId cpu, const ExecutedWork& work) override {
        const Task* task = m_current[index_of(cpu)];
        accounted[task != nullptr ? task->id : TaskId{}] += work;
    }
    KernelPath& interrupt(CpuId cpu, const Interrupt& interrupt, Tick now) override {
        interrupts[index_of(cpu)].push_back({interrupt.kind, now});
        const bool shootdown = interrupt.kind == InterruptKind::Shootdown;
        KernelPath& path = (shootdown ? m_shootdown_paths : m_interrupt_paths)[index_of(cpu)];
        path.clear();
        path.stack = kernel_memory + page_size;
        path.execute(kernel_layout::text_base, 20, 4, 2);
        return path;
    }
    void effect(CpuId cpu, KernelPath&, std::uint32_t index, Tick now) override {
        effects.push_back({cpu, index, now});
    }
    void path_completed(CpuId cpu, KernelPath& path, Tick now) override {
        completed.push_back({cpu, now});
        if (&path == &m_interrupt_paths[index_of(cpu)] || &path == &m_shootdown_paths[index_of(cpu)]) return;
        Task& task = *m_current[index_of(cpu)];
        PAGEWALK_INVARIANT(&path == &task.path);
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Mark) task.marks.push_back(path.marked(step.count));
        if (path.position < path.steps().size()) {
            task.sleeping = true;
        } else if (path.outcome == PathOutcome::Exit) {
            task.exited = true;
            m_current[index_of(cpu)] = nullptr;
        }
    }
    Pick pick(CpuId cpu, Tick now, ScheduledTask& next) override {
        Task*& current = m_current[index_of(cpu)];
        if (m_tasks.empty()) return Pick::Idle;
        std::size_t start = 0;
        while (start < m_tasks.size() && m_tasks[start].get() != current) ++start;
        if (start == m_tasks.size()) --start; // none: begin with the first
        for (std::size_t i = 1; i <= m_tasks.size(); ++i) {
            Task& task = *m_tasks[(start + i) % m_tasks.size()];
            const bool asleep = task.sleeping && task.path.wake_time > now;
            if (task.cpu != cpu || task.exited || asleep) continue;
            const Pick result = &task == current ? Pick::Same : Pick::Switched;
            switches += result == Pick::Switched ? 1 : 0;
            current = &task;
            next = {
                task.id, {m_space.root(), 1}, &task.stream, task.sleeping ? &task.path : nullptr, task.slice};
            task.sleeping = false;
            return result;
        }
        return Pick::Idle;
    }
    Tick next_wakeup(CpuId cpu) const override {
        Tick first = no_time;
        for (const auto& task : m_tasks)
            if (task->cpu == cpu && !task->exited && task->sleeping)
                first = std::min(first, task->path.wake_time);
        return first;
    }
    std::size_t live_tasks() const override {
        return static_cast<std::size_t>(
            std::ranges::count_if(m_tasks, [](const auto& task) { return !task->exited; }));
    }

    struct Fault {
        VirtAddr address{};
        FaultAccess access{};
    };
    struct Completion {
        CpuId cpu{};
        Tick now{};
    };
    std::vector<Fault> faults;
    std::vector<Completion> completed;
    std::uint64_t system_calls = 0, not_ready = 0, switches = 0;
    struct Handled {
        InterruptKind kind{};
        Tick now{};
    };
    std::array<std::vector<Handled>, 4> interrupts; ///< by CPU
    struct Effect {
        CpuId cpu{};
        std::uint32_t index = 0;
        Tick now{};
    };
    std::vector<Effect> effects;
    std::map<TaskId, ExecutedWork> accounted; ///< 0: of no task

private:
    KernelPath& begin(CpuId cpu) {
        KernelPath& path = m_current[index_of(cpu)]->path;
        path.clear();
        path.stack = kernel_memory + page_size;
        path.execute(kernel_layout::text_base, 20, 4, 2);
        return path;
    }

    PageTables& m_space;
    std::vector<std::unique_ptr<Task>> m_tasks;
    std::array<Task*, 4> m_current{};
    std::array<KernelPath, 4> m_interrupt_paths, m_shootdown_paths;
    std::uint64_t m_next_frame = 0x88000;
};

struct CpuRig {
    explicit CpuRig(std::size_t count = 1, CpuConfig config = {})
        : llc(last_level_cache(), {.cpus = count, .private_lines = private_caches().lines() * count}, memory,
              1, "llc"),
          space(tables, Pfn(0x1000), 4), kernel(space) {
        space.map(code, Pfn(0x90000));
        space.map(kernel_memory, Pfn(0xa0000), PageSize::Page2M);
        space.map(kernel_layout::text_base, Pfn(0xb0000), PageSize::Page2M);
        for (unsigned i = 0; i < data_pages; ++i) space.map(data + i * page_size, Pfn(0x80000 + i));
        config.core.frequency = hertz;
        for (std::uint16_t i = 0; i < count; ++i) {
            caches.push_back(
                std::make_unique<PrivateHierarchy>(private_caches(), CpuId{i}, Clock(hertz), llc, 1));
            cpus.push_back(std::make_unique<Cpu>(CpuId{i}, config,
                                                 L1Latencies{Cycles(l1_cycles), Cycles(l1_cycles)},
                                                 *caches[i], tables, kernel, commons));
            cpus.back()->mmu().set_context({space.root(), 0});
        }
        for (std::uint16_t i = 0; i < count; ++i) commons.horizons.connect(CpuId{i}, m_shells[i]);
    }
    CpuRig(const CpuRig&) = delete;
    CpuRig& operator=(const CpuRig&) = delete;

    /// Advances the CPUs as their shells do, of several that are next the last, until all tasks are over or
    /// nothing is to be done before `end`.
    void run(Tick quantum, Tick end = Tick(1'000'000'000)) {
        while (kernel.live_tasks() != 0) {
            std::size_t next = 0;
            for (std::size_t i = 1; i < cpus.size(); ++i)
                if (m_shells[i].resume <= m_shells[next].resume) next = i;
            const Tick from = m_shells[next].resume;
            if (from >= end) return;
            m_shells[next].resume = no_time;
            m_shells[next].resume =
                std::min(m_shells[next].resume, cpus[next]->advance(from, from + quantum).resume);
        }
    }
    /// A counter of the first CPU's.
    [[nodiscard]] std::uint64_t stat(const char* name, std::size_t cpu = 0) const {
        StatRegistry registry;
        cpus[cpu]->declare(registry.group("cpu"));
        return *registry.counters()[registry.find("cpu", name)].value;
    }

    FixedMemory memory;
    SharedCache llc;
    PageTableMemory tables;
    PageTables space;
    ScriptedKernel kernel;
    CpuCommons commons;
    std::vector<std::unique_ptr<PrivateHierarchy>> caches;
    std::vector<std::unique_ptr<Cpu>> cpus;

private:
    struct Shell final : CpuWaker {
        void wake_at(Tick at) override { resume = std::min(resume, at); }
        Tick resume{};
    };
    std::array<Shell, 4> m_shells;
};

} // namespace pagewalk::models::rig
