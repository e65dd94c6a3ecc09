#include "contract/calls_about_memory.h"
#include "contract/system_calls.h"
#include "os/kernel/kernel.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

// Programs that make any system call with any arguments and any result, as a damaged recording may hold them:
// the kernel comes to an end, and every frame is free or in somebody's hands when all have gone.
namespace pagewalk::os {
namespace {

constexpr std::uint64_t base = 0x10000000;
constexpr std::uint64_t arena_pages = 512;
constexpr std::size_t cpus = 2;
constexpr std::size_t most_tasks = 6;
constexpr std::uint32_t most_ids = 1000; // of tasks, in one run
constexpr std::uint64_t memory = 128ULL << 20;

/// What is left of the input; zeroes when it is over.
class Input {
public:
    explicit Input(std::span<const std::uint8_t> bytes) : m_bytes(bytes) {}
    [[nodiscard]] bool empty() const { return m_bytes.empty(); }
    std::uint8_t byte() {
        if (m_bytes.empty()) return 0;
        const std::uint8_t first = m_bytes.front();
        m_bytes = m_bytes.subspan(1);
        return first;
    }
    std::uint64_t word() {
        std::uint64_t value = 0;
        for (int i = 0; i < 8; ++i) value = value << 8 | byte();
        return value;
    }

private:
    std::span<const std::uint8_t> m_bytes;
};

class WildProgram {
public:
    explicit WildProgram(Input input) : m_machine(memory, cpus), m_input(input) {
        m_machine.config.file_cache = FileCache::Cold;
        m_machine.config.swap_bytes = 16ULL << 20;
        m_machine.config.vm.hugetlb = {.pages_2mib = "3", .overcommit = 1};
        m_machine.workload.mappings = {{.start = VirtAddr(0x400000),
                                        .end = VirtAddr(0x480000),
                                        .readable = true,
                                        .executable = true,
                                        .file = "/bin/program"},
                                       {.start = VirtAddr(0x7ffffffde000),
                                        .end = VirtAddr(0x7ffffffff000),
                                        .readable = true,
                                        .writable = true,
                                        .grows_down = true}};
        m_machine.boot();
    }

    void run() {
        while (!m_input.empty() && m_machine.kernel->live_tasks() != 0) {
            const CpuId cpu{static_cast<std::uint16_t>(m_input.byte() % cpus)};
            m_machine.now += Tick(1'000'000);
            if (runs(cpu)) step(cpu);
        }
        finish();
    }

private:
    /// Is there a task on `cpu` whose program may go on?
    bool runs(CpuId cpu) {
        ScheduledTask next;
        m_machine.devices.deliver(*m_machine.kernel, m_machine.now);
        if (m_machine.kernel->pick(cpu, m_machine.now, next) == KernelInterface::Pick::Idle) {
            const Tick soon = m_machine.now + Tick(1'000'000'000);
            m_machine.now = std::max(m_machine.now, std::min(m_machine.next_event(cpu), soon));
            return false;
        }
        if (next.path == nullptr) return true;
        const auto totals = test::run_path(*m_machine.kernel, cpu, *next.path, m_machine.now);
        return totals.outcome == PathOutcome::Resume && next.stream != nullptr;
    }

    void step(CpuId cpu) {
        const std::uint8_t kind = m_input.byte();
        if (kind < 64) {
            const auto access = static_cast<FaultAccess>(kind % 3);
            m_machine.touch(argument(m_input.byte()), access, cpu);
            return;
        }
        SyscallRecord record{.number = kind < 96 ? m_input.byte() * 2U
                                                 : system_call_rows::table[m_input.byte() % 64].number};
        for (std::uint64_t& each : record.arguments) each = argument(m_input.byte());
        record.result = static_cast<std::int64_t>(argument(m_input.byte()));
        const std::uint8_t rest = m_input.byte();
        if ((rest & 1) != 0) record.path = (rest & 2) != 0 ? "/data" : "/dev/shm/data";
        for (int i = rest >> 6; i > 0; --i)
            record.segments.push_back({VirtAddr(argument(m_input.byte())), argument(m_input.byte())});
        if ((rest & 4) != 0) record.descriptors = {m_input.byte() % 8, m_input.byte() % 8};
        if (record.number == calls_about_memory::mmap && (rest & 16) != 0) map_huge(record);
        keep_short(record);
        if (!may_create(record)) return;
        if ((rest & 8) != 0 && !enter(record, cpu)) return;
        m_machine.call(record, cpu);
    }

    /// Seldom would the flags come together by themselves.
    static void map_huge(SyscallRecord& record) {
        constexpr std::uint64_t anonymous_hugetlb = 0x40020, others = 0x4003;
        record.arguments[3] = anonymous_hugetlb | (record.arguments[3] & others);
        record.result &= ~static_cast<std::int64_t>(HugePages::bytes - 1);
    }

    /// Filling terabytes takes the host minutes, and no more than filling megabytes shows.
    static void keep_short(SyscallRecord& record) {
        constexpr std::uint64_t short_bytes = 16ULL << 20, populate_or_locked = 0xa000;
        const SystemCall* const row = find_system_call(record.number);
        if (row != nullptr && row->traits.effect != CallEffect::ChangesSpace && record.result > 0)
            record.result %= short_bytes;
        if (record.arguments[1] > short_bytes) record.arguments[3] &= ~populate_or_locked;
    }

    /// Told twice, as calls that may block are. Does the task still run afterwards?
    bool enter(SyscallRecord& record, CpuId cpu) {
        m_machine.records.push_back(record);
        KernelPath& path =
            m_machine.kernel->system_call_entered(cpu, m_machine.records.back(), m_machine.now);
        const auto totals = test::run_path(*m_machine.kernel, cpu, path, m_machine.now);
        record.entered = true;
        return !totals.slept && totals.outcome == PathOutcome::Resume;
    }

    /// A call that makes a task has a stream to go with it, as front ends see to.
    bool may_create(SyscallRecord& record) {
        const SystemCall* const row = find_system_call(record.number);
        if (row == nullptr || row->traits.effect != CallEffect::CreatesTask) return true;
        if (m_machine.kernel->live_tasks() >= most_tasks) return false;
        record.result = ++m_children;
        m_machine.workload.add_child(m_children);
        return true;
    }

    std::uint64_t argument(std::uint8_t kind) {
        const std::uint64_t page = base + (kind >> 3) * 16 * page_size;
        switch (kind % 8) {
        case 0:
        case 1:
            return page;
        case 2:
            return page + m_input.byte();
        case 3:
            return std::uint64_t{m_input.byte()} << page_shift;
        case 4:
            return m_input.byte() % 8; // descriptors, flags
        case 5:
            return m_input.byte();
        case 6:
            return ~std::uint64_t{m_input.byte()}; // errors
        default:
            return m_input.word();
        }
    }

    void finish() {
        for (int i = 0; i < 100'000 && m_machine.kernel->live_tasks() != 0; ++i) {
            const CpuId cpu{static_cast<std::uint16_t>(i % cpus)};
            if (runs(cpu))
                m_machine.call(231, {}, 0, cpu);
            else if (i % 1000 == 0)
                m_machine.now = std::max(m_machine.now, end_of_sleeps());
            m_machine.now += Tick(1'000'000);
        }
        if (m_machine.kernel->live_tasks() != 0) {
            tell_tasks();
            fail("tasks are left that nobody can end", m_machine.kernel->live_tasks());
        }
        for (std::uint16_t cpu = 0; cpu < cpus; ++cpu) m_machine.pick(CpuId{cpu});
        m_machine.kernel->drain_lru_batches();
        const KernelCounters& counters = m_machine.kernel->counters();
        if (counters.nr_anon_pages != 0) fail("anonymous pages are left", counters.nr_anon_pages);
        if (counters.nr_page_table_pages != 0) fail("page tables are left", counters.nr_page_table_pages);
        if (counters.nr_mapped != 0) fail("mappings are left", counters.nr_mapped);
        const HugetlbPool& pool = m_machine.kernel->memory().hugetlb().pool(HugetlbSize::Page2M);
        if (pool.reserved() != 0) fail("promises of huge pages are left", pool.reserved());
        if (pool.counts().free != 3) fail("pages are missing from their pool", 3 - pool.counts().free);
        for (const ObjectKind kind :
             {ObjectKind::VmArea, ObjectKind::AnonVma, ObjectKind::AnonVmaChain, ObjectKind::Mm})
            if (m_machine.kernel->objects().objects(kind) != 0)
                fail("objects are left", m_machine.kernel->objects().objects(kind));
    }

    /// A call may sleep for months.
    [[nodiscard]] Tick end_of_sleeps() const {
        Tick end;
        for (std::uint32_t id = 1; id < most_ids; ++id)
            if (const Task* const task = m_machine.kernel->find_task(TaskId{id});
                task != nullptr && task->reason == SleepReason::Time && task->work == nullptr)
                end = std::max(end, task->wake_time);
        return end;
    }

    void tell_tasks() const {
        for (std::uint32_t id = 1; id < most_ids; ++id) {
            const Task* const task = m_machine.kernel->find_task(TaskId{id});
            if (task == nullptr || task->exited || task->work != nullptr) continue;
            std::fprintf(stderr, "task %u: state %d, reason %d, wakes at %llu of %llu, after calls", id,
                         static_cast<int>(task->state), static_cast<int>(task->reason),
                         static_cast<unsigned long long>(task->wake_time.value()),
                         static_cast<unsigned long long>(m_machine.now.value()));
            for (const std::uint32_t call : task->last_calls) std::fprintf(stderr, " %u", call);
            std::fprintf(stderr, "\n");
        }
    }
    [[noreturn]] static void fail(const char* what, std::uint64_t count) {
        std::fprintf(stderr, "system_call_fuzz: %s: %llu\n", what, static_cast<unsigned long long>(count));
        std::abort();
    }

    test::Machine m_machine;
    Input m_input;
    std::int64_t m_children = 100;
};

} // namespace
} // namespace pagewalk::os

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Some run out of the machine's memory for kernel objects.
    pagewalk::fuzz::read_or_refuse([&] {
        pagewalk::os::WildProgram(pagewalk::os::Input({data, size})).run();
    });
    return 0;
}
