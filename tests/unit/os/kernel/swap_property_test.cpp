#include "base/rng.h"
#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

/// Random programs whose memory is twice what the machine has left: whatever goes to swap and comes back, is
/// copied, shared by fork or moved, each page has what was last written to it, and nothing is lost in the
/// end.
namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x10000000;
constexpr std::uint64_t buffer = 0x8000000; ///< what read() fills: its contents are not followed
constexpr std::uint64_t arena_pages = 1500;
constexpr std::uint64_t left_pages = 1500; ///< above the high marks, for all processes together
constexpr std::size_t most_processes = 4;

/// What frames and slots hold: the number of the last write, 0 where there was none.
struct Contents {
    std::unordered_map<std::uint64_t, std::uint64_t> of_frame, of_slot;

    void watch(Kernel& kernel) {
        kernel.memory().on_copy([this](Pfn from, Pfn to) { of_frame[to.value()] = of_frame[from.value()]; });
        kernel.swap().on_transfer([this](const Swap::Transfer& transfer) {
            std::uint64_t& slot = of_slot[static_cast<std::uint64_t>(transfer.slot)];
            std::uint64_t& frame = of_frame[transfer.frame.value()];
            (transfer.way == Swap::Transfer::Way::Out ? slot : frame) =
                transfer.way == Swap::Transfer::Way::Out ? frame : slot;
        });
    }
};

class SwappedPrograms {
public:
    SwappedPrograms(std::uint64_t seed, std::size_t cpus)
        : m_cpus(cpus), m_machine(256ULL << 20, cpus), m_rng(seed, "swap") {
        m_machine.config.file_cache = FileCache::Cold;
        m_machine.config.swap_bytes = 64ULL << 20;
        m_machine.boot();
        m_machine.pick();
        m_contents.watch(kernel());
        take_memory();
    }

    void run(int steps) {
        for (int i = 0; i < steps && kernel().live_tasks() != 0; ++i) {
            const CpuId cpu{static_cast<std::uint16_t>(m_rng.below(m_cpus))};
            Task* const task = current(cpu);
            if (task == nullptr) continue;
            step(*task, cpu);
            if (i % 200 == 0) kernel().compaction().compact_everything(cpu);
            if (testing::Test::HasFatalFailure()) return;
        }
        finish();
    }
    [[nodiscard]] const KernelCounters& counters() { return kernel().counters(); }
    [[nodiscard]] int touches() const { return m_touches; }

private:
    struct Touch {
        std::uint64_t page = 0;
        bool write = false;
    };
    using Expected = std::unordered_map<std::uint64_t, std::uint64_t>; // number of the last write, by page

    [[nodiscard]] Kernel& kernel() { return *m_machine.kernel; }
    [[nodiscard]] std::uint64_t free_above_marks() {
        std::uint64_t sum = 0;
        for (const auto& zone : kernel().allocator().zones()) {
            const auto high = static_cast<std::int64_t>(zone->watermark(Watermark::High));
            sum += static_cast<std::uint64_t>(std::max<std::int64_t>(zone->exact_free_pages() - high, 0));
        }
        return sum;
    }
    void take_memory() {
        const AllocRequest request{.mask = gfp::highuser_movable.without(gfp::reclaim)};
        while (free_above_marks() > left_pages)
            if (const auto frame = kernel().allocator().allocate(request)) m_taken.push_back(*frame);
    }

    /// The task that runs a program on `cpu`, in front of its next instruction. Null where there is none now.
    Task* current(CpuId cpu) {
        m_machine.now += Tick(1'000'000);
        m_machine.devices.deliver(kernel(), m_machine.now);
        ScheduledTask next;
        if (kernel().pick(cpu, m_machine.now, next) == KernelInterface::Pick::Idle) {
            const Tick soon = m_machine.now + Tick(1'000'000'000);
            m_machine.now = std::max(m_machine.now, std::min(m_machine.next_event(cpu), soon));
            return nullptr;
        }
        if (next.path != nullptr) {
            const auto totals = test::run_path(kernel(), cpu, *next.path, m_machine.now);
            adopt_children();
            if (totals.outcome != PathOutcome::Resume) return nullptr;
        }
        if (next.stream == nullptr) return nullptr;
        Task* const task = kernel().processes().find(next.task);
        const auto pending = m_pending.find(next.task);
        if (pending == m_pending.end()) return task;
        const Touch touch = pending->second;
        m_pending.erase(pending);
        do_touch(*task, touch, cpu);
        return nullptr;
    }

    void step(Task& task, CpuId cpu) {
        const std::uint64_t at = base + m_rng.below(arena_pages) * page_size;
        const std::uint64_t bytes = (1 + m_rng.below(32)) * page_size;
        switch (m_rng.below(64)) {
        case 0:
            return fork(cpu);
        case 1:
            if (m_rng.below(4) == 0) forget(task, at, bytes, 11, {at, bytes}, cpu);
            return;
        case 2:
            return forget(task, at, bytes, 28, {at, bytes, 4}, cpu); // MADV_DONTNEED
        case 3:
        case 4:
            m_machine.call(28, {at, bytes, 21}, 0, cpu); // MADV_PAGEOUT
            return;
        case 5:
            m_machine.call(28, {at, bytes, 20}, 0, cpu); // MADV_COLD
            return;
        case 6:
            m_machine.call(17, {3, buffer, bytes, m_rng.below(256) * page_size},
                           static_cast<std::int64_t>(bytes), cpu);
            return;
        default:
            break;
        }
        // Mostly where it has been lately.
        std::uint64_t& near = m_near[task.id];
        if (m_rng.below(16) == 0) near = m_rng.below(arena_pages);
        const std::uint64_t number = (near + m_rng.below(200)) % arena_pages;
        do_touch(task, {base + number * page_size, m_rng.below(3) != 0}, cpu);
    }
    void map_all(CpuId cpu) {
        m_machine.map_anonymous(base, arena_pages * page_size);
        m_machine.map_anonymous(buffer, 32 * page_size);
        const SyscallRecord open{.number = 257, .result = 3, .path = "/data"};
        m_machine.call(open, cpu);
    }
    void forget(Task& task, std::uint64_t at, std::uint64_t bytes, std::uint32_t call,
                const std::array<std::uint64_t, 6>& arguments, CpuId cpu) {
        for (std::uint64_t page = at; page < at + bytes; page += page_size)
            m_expected[task.space.get()].erase(page);
        m_machine.call(call, arguments, 0, cpu);
    }
    void fork(CpuId cpu) {
        if (kernel().live_tasks() >= most_processes) {
            if (m_rng.below(3) == 0) m_machine.call(231, {}, 0, cpu);
            return;
        }
        m_machine.workload.add_child(++m_children);
        m_machine.call(56, {0}, m_children, cpu);
        adopt_children();
    }
    /// A child's memory holds what its parent's does.
    void adopt_children() {
        for (const auto& task : kernel().processes().tasks()) {
            if (task == nullptr || task->space == nullptr || m_known.contains(task->id)) continue;
            m_known.insert(task->id);
            const Task* parent = kernel().processes().find(task->parent);
            if (parent != nullptr && parent->space != nullptr)
                m_expected[task->space.get()] = m_expected[parent->space.get()];
        }
    }

    /// What the program's instruction does, with the faults that it takes.
    void do_touch(Task& task, const Touch& touch, CpuId cpu) {
        AddressSpace& space = *task.space;
        const std::size_t area = space.areas.find(VirtAddr(touch.page));
        if (area == space.areas.size() || !space.areas[area].contains(VirtAddr(touch.page))) return;
        for (int tries = 0; tries < 100; ++tries) {
            const PteSlot slot = kernel().memory().tables().find(space, VirtAddr(touch.page));
            if (slot && slot.entry->present() && (!touch.write || slot.entry->has(PageTableEntry::Writable)))
                return access(space, touch, slot);
            const auto totals =
                m_machine.touch(touch.page, touch.write ? FaultAccess::Write : FaultAccess::Read, cpu);
            ASSERT_EQ(totals.locks_held, 0);
            ASSERT_NE(totals.outcome, PathOutcome::Exit) << "killed";
            if (totals.slept || totals.outcome == PathOutcome::Reschedule) {
                m_pending[task.id] = touch;
                return;
            }
        }
        FAIL() << "the fault does not come to an end";
    }
    void access(AddressSpace& space, const Touch& touch, PteSlot slot) {
        ++m_touches;
        const std::uint64_t frame = slot.entry->frame().value();
        std::uint64_t& last = m_expected[&space][touch.page];
        if (last != 0) ASSERT_EQ(m_contents.of_frame[frame], last) << "page " << std::hex << touch.page;
        *slot.entry = slot.entry->with(PageTableEntry::Accessed |
                                       (touch.write ? std::uint64_t{PageTableEntry::Dirty} : 0));
        if (touch.write) m_contents.of_frame[frame] = last = ++m_writes;
    }

    void finish() {
        for (int i = 0; i < 100'000 && kernel().live_tasks() != 0; ++i) {
            const CpuId cpu{static_cast<std::uint16_t>(static_cast<std::size_t>(i) % m_cpus)};
            if (current(cpu) != nullptr) m_machine.call(231, {}, 0, cpu);
        }
        ASSERT_EQ(kernel().live_tasks(), 0U) << "nobody can go on";
        for (int rounds = 0; rounds < 1000; ++rounds)
            for (std::size_t cpu = 0; cpu < m_cpus; ++cpu)
                (void)current(CpuId{static_cast<std::uint16_t>(cpu)});
        kernel().drain_lru_batches();
        EXPECT_EQ(counters().nr_anon_pages, 0U);
        EXPECT_EQ(counters().reclaim.nr_swap_writeback, 0U);
        // What was on its way when its last user went stays in the swap cache until it is reclaimed.
        EXPECT_EQ(kernel().swap().area().used(), counters().reclaim.nr_swapcached);
        std::uint64_t managed = 0;
        for (const auto& zone : kernel().allocator().zones()) managed += zone->managed;
        EXPECT_EQ(managed, m_machine.free_frames() + m_taken.size() + kernel().files().cached_pages() +
                               counters().reclaim.nr_swapcached + kernel().objects().pages() +
                               counters().nr_kernel_stack + kernel().processes().kept_stack_pages() +
                               kernel().vmalloc().tables().tables());
    }

    std::size_t m_cpus;
    Machine m_machine;
    Rng m_rng;
    Contents m_contents;
    std::vector<Pfn> m_taken;
    std::map<const AddressSpace*, Expected> m_expected;
    std::map<TaskId, Touch> m_pending;
    std::map<TaskId, std::uint64_t> m_near;
    std::set<TaskId> m_known;
    std::int64_t m_children = 100;
    std::uint64_t m_writes = 0;
    int m_touches = 0;

public:
    /// The first program's memory.
    void begin() { map_all(CpuId{0}); }
};

void run_mixes(std::size_t cpus, std::uint64_t first_seed) {
    for (std::uint64_t seed = first_seed; seed < first_seed + 5; ++seed) {
        SCOPED_TRACE(seed);
        SwappedPrograms programs(seed, cpus);
        programs.begin();
        programs.run(12'000);
        if (testing::Test::HasFailure()) return;
        EXPECT_GT(programs.touches(), 5000);
        EXPECT_GT(programs.counters().reclaim.pswpout, 500U);
        EXPECT_GT(programs.counters().reclaim.pswpin, 500U);
        EXPECT_GT(programs.counters().faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)], 50U);
        EXPECT_GT(programs.counters().pgmigrate_success, 50U);
        EXPECT_EQ(programs.counters().oom_kill, 0U);
    }
}

TEST(SwappedMemory, HoldsWhatWasWrittenOnOneCpu) { run_mixes(1, 1); }
TEST(SwappedMemory, HoldsWhatWasWrittenOnTwoCpus) { run_mixes(2, 11); }
TEST(SwappedMemory, HoldsWhatWasWrittenOnThreeCpus) { run_mixes(3, 21); }
TEST(SwappedMemory, HoldsWhatWasWrittenOnFourCpus) { run_mixes(4, 31); }

} // namespace
} // namespace pagewalk::os
