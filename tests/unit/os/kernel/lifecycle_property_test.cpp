#include "base/rng.h"
#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

/// Random programs on two CPUs: whatever they map, touch, share, split, move, fork and abandon, every frame's
/// counts are right at any time and nothing is lost in the end.
namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x10000000;
constexpr std::uint64_t arena_pages = 4096;

struct Users {
    std::uint32_t mapped = 0;
    std::uint32_t cached = 0;
};

class RandomProgram {
public:
    explicit RandomProgram(std::uint64_t seed, FileCache cache)
        : m_machine(256ULL << 20, 2), m_rng(seed, "lifecycle") {
        m_machine.config.file_cache = cache;
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
        m_baseline = m_machine.free_frames();
        m_machine.pick();
    }

    void run(int steps) {
        for (int i = 0; i < steps && m_machine.kernel->live_tasks() != 0; ++i) {
            const CpuId cpu{static_cast<std::uint16_t>(m_rng.below(2))};
            m_machine.now += Tick(1'000'000);
            m_machine.pick(cpu);
            if (!current(cpu)) continue;
            step(cpu);
            // Every page that moves must be found wherever fork, mremap and mprotect have put it.
            if (i % 40 == 0) m_machine.kernel->compaction().compact_everything(cpu);
            if (i % 64 == 0) check();
        }
        EXPECT_GT(m_machine.kernel->counters().pgmigrate_success, 10U);
        finish();
    }

private:
    [[nodiscard]] bool current(CpuId cpu) {
        ScheduledTask next;
        m_machine.devices.deliver(*m_machine.kernel, m_machine.now);
        const auto picked = m_machine.kernel->pick(cpu, m_machine.now, next);
        if (picked == KernelInterface::Pick::Idle) {
            const Tick soon = m_machine.now + Tick(1'000'000'000);
            m_machine.now = std::max(m_machine.now, std::min(m_machine.next_event(cpu), soon));
            return false;
        }
        if (next.path == nullptr) return true;
        const auto totals = test::run_path(*m_machine.kernel, cpu, *next.path, m_machine.now);
        return totals.outcome == PathOutcome::Resume && next.stream != nullptr;
    }
    [[nodiscard]] std::uint64_t address() { return base + m_rng.below(arena_pages) * page_size; }
    [[nodiscard]] std::uint64_t length() { return (1 + m_rng.below(1ULL << m_rng.below(8))) * page_size; }

    void step(CpuId cpu) {
        const std::uint64_t at = address();
        const std::uint64_t bytes = length();
        const auto result = static_cast<std::int64_t>(at);
        switch (m_rng.below(16)) {
        case 0:
            m_machine.call(9, {0, bytes, 3, 0x32, ~0ULL, 0}, result, cpu);
            break;
        case 1:
            m_machine.call(9, {0, bytes, 3, 0x31, ~0ULL, 0}, result, cpu);
            break; // shared
        case 2: {
            const SyscallRecord open{
                .number = 257, .result = 3 + static_cast<std::int64_t>(m_rng.below(3)), .path = "/data"};
            m_machine.call(open, cpu);
            break;
        }
        case 3:
            m_machine.call(9,
                           {0, bytes, 3, m_rng.below(2) != 0 ? 0x12U : 0x11U, 3, m_rng.below(64) * page_size},
                           result, cpu);
            break;
        case 4:
            m_machine.call(11, {at, bytes}, 0, cpu);
            break;
        case 5:
            m_machine.call(10, {at, bytes, m_rng.below(4)}, 0, cpu);
            break;
        case 6:
            m_machine.call(28, {at, bytes, m_rng.below(2) != 0 ? 4U : 14U}, 0, cpu);
            break;
        case 7:
            m_machine.call(25, {at, bytes, length()}, static_cast<std::int64_t>(address()), cpu);
            break;
        case 8: {
            const std::uint64_t top = 0x2000000 + m_rng.below(64) * 1024;
            m_machine.call(12, {top}, static_cast<std::int64_t>(top), cpu);
            break;
        }
        case 9:
            fork(cpu);
            break;
        case 10:
            m_machine.call(m_rng.below(2) != 0 ? 0U : 1U, {3, at, bytes}, static_cast<std::int64_t>(bytes),
                           cpu);
            break;
        default:
            touch(at, bytes, cpu);
            break;
        }
    }
    void fork(CpuId cpu) {
        if (m_machine.kernel->live_tasks() > 6) {
            m_machine.call(231, {}, 0, cpu);
            return;
        }
        m_machine.workload.add_child(++m_children);
        const std::uint64_t thread = 0x10000 | 0x400 | 0x100;
        m_machine.call(56, {m_rng.below(3) == 0 ? thread : 0}, m_children, cpu);
    }
    /// Touches pages where the program may: a fault elsewhere would end it.
    void touch(std::uint64_t at, std::uint64_t bytes, CpuId cpu) {
        const Task* task = running(cpu);
        for (std::uint64_t page = at; page < at + bytes; page += page_size) {
            const VmaList& areas = task->space->areas;
            const std::size_t i = areas.find(VirtAddr(page));
            if (i == areas.size() || !areas[i].contains(VirtAddr(page)) || (areas[i].flags & vm::access) == 0)
                continue;
            const bool write = areas[i].has(vm::write) && m_rng.below(2) != 0;
            const auto totals = m_machine.touch(page, write ? FaultAccess::Write : FaultAccess::Read, cpu);
            EXPECT_EQ(totals.locks_held, 0);
            EXPECT_NE(totals.outcome, PathOutcome::Exit);
            if (totals.slept) return;
        }
    }
    [[nodiscard]] const Task* running(CpuId cpu) const {
        for (std::uint32_t id = 0; id < 2000; ++id) {
            const Task* task = m_machine.kernel->find_task(TaskId{id});
            if (task != nullptr && task->state == TaskState::Running && task->cpu == cpu) return task;
        }
        return nullptr;
    }

    /// Counts mappings in the page tables themselves and compares every mapped frame's counts.
    void check() {
        m_machine.kernel->drain_lru_batches();
        std::map<std::uint64_t, Users> users;
        std::set<const AddressSpace*> seen;
        bool waiting = false;
        PageMap& pages = m_machine.kernel->allocator().pages();
        for (std::uint32_t id = 0; id < 2000; ++id) {
            const Task* task = m_machine.kernel->find_task(TaskId{id});
            waiting =
                waiting || (task != nullptr && task->stream != nullptr && TaskRunner::in_operation(*task));
            if (task == nullptr || task->space == nullptr || task->exited ||
                !seen.insert(task->space.get()).second)
                continue;
            AddressSpace& space = *task->space;
            std::uint64_t anon = 0, file = 0;
            VirtAddr end{};
            for (const Vma& area : space.areas) {
                ASSERT_LE(end, area.start);
                ASSERT_LT(area.start, area.end);
                end = area.end;
                m_machine.kernel->memory().tables().for_each(
                    space, area.start, area.end, [&](VirtAddr, PteSlot slot) {
                        const Pfn frame = slot.entry->frame();
                        if (frame == m_machine.kernel->boot_layout().addresses.zero_page) return;
                        ++users[frame.value()].mapped;
                        const bool anonymous = (pages.peek(frame).owner_flags & frame_flags::anonymous) != 0;
                        ++(anonymous ? anon : file);
                        // A page with several users must not be writable in a private area.
                        if (area.is_private() && slot.entry->has(PageTableEntry::Writable)) {
                            ASSERT_TRUE(anonymous);
                            ASSERT_EQ(pages.peek(frame).mapcount, 1);
                        }
                    });
            }
            EXPECT_EQ(space.anon_pages, anon);
            EXPECT_EQ(space.file_pages, file);
        }
        for (const auto& [frame, counts] : users) {
            const PageDescriptor& page = pages.peek(frame);
            const bool cached = (page.owner_flags & frame_flags::file) != 0;
            ASSERT_TRUE(page.is(PageState::Allocated)) << frame;
            ASSERT_EQ(page.mapcount, counts.mapped) << frame;
            const int held = counts.mapped + (cached ? 1 : 0);
            // Operations that wait hold pages, too.
            if (waiting)
                ASSERT_GE(page.refcount, held) << frame;
            else
                ASSERT_EQ(page.refcount, held) << frame;
        }
    }
    void finish() {
        for (int i = 0; i < 10'000 && m_machine.kernel->live_tasks() != 0; ++i) {
            const CpuId cpu{static_cast<std::uint16_t>(i % 2)};
            m_machine.now += Tick(1'000'000'000);
            if (current(cpu)) m_machine.call(231, {}, 0, cpu);
        }
        EXPECT_EQ(m_machine.kernel->live_tasks(), 0U);
        m_machine.pick(CpuId{0});
        m_machine.pick(CpuId{1});
        m_machine.kernel->drain_lru_batches();
        const KernelCounters& counters = m_machine.kernel->counters();
        EXPECT_EQ(counters.nr_anon_pages, 0U);
        EXPECT_EQ(counters.nr_mapped, 0U);
        EXPECT_EQ(counters.nr_page_table_pages, 0U);
        EXPECT_EQ(counters.nr_shmem, 0U);
        EXPECT_EQ(counters.nr_kernel_stack, 3U * 4); // the kernel threads'
        const std::uint64_t kept = m_machine.kernel->processes().kept_stack_pages();
        EXPECT_LE(kept, 2U * 2 * 4); // two a CPU
        EXPECT_EQ(m_machine.kernel->objects().objects(ObjectKind::VmArea), 0U);
        EXPECT_EQ(m_machine.kernel->objects().objects(ObjectKind::AnonVma), 0U);
        EXPECT_EQ(m_machine.kernel->objects().objects(ObjectKind::AnonVmaChain), 0U);
        EXPECT_EQ(m_machine.kernel->objects().objects(ObjectKind::Mm), 0U);
        EXPECT_EQ(m_machine.kernel->objects().objects(ObjectKind::Task), 3U);
        std::uint64_t managed = 0;
        for (const auto& zone : m_machine.kernel->allocator().zones()) managed += zone->managed;
        EXPECT_EQ(managed, m_machine.free_frames() + m_machine.kernel->files().cached_pages() +
                               m_machine.kernel->objects().pages() + counters.nr_kernel_stack + kept +
                               m_machine.kernel->vmalloc().tables().tables());
        for (const ObjectKind kind : {ObjectKind::Credentials, ObjectKind::Files, ObjectKind::FileSystemState,
                                      ObjectKind::SignalHandlers, ObjectKind::Signals})
            EXPECT_EQ(m_machine.kernel->objects().objects(kind), 0U);
    }

    Machine m_machine;
    Rng m_rng;
    std::int64_t m_children = 100;
    std::uint64_t m_baseline = 0;
};

TEST(Lifecycle, KeepsEveryFrameAccountedForWithAWarmCache) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        RandomProgram(seed, FileCache::Warm).run(2000);
        if (HasFailure()) return;
    }
}

TEST(Lifecycle, KeepsEveryFrameAccountedForWithAColdCache) {
    for (std::uint64_t seed = 101; seed <= 120; ++seed) {
        SCOPED_TRACE(seed);
        RandomProgram(seed, FileCache::Cold).run(2000);
        if (HasFailure()) return;
    }
}

} // namespace
} // namespace pagewalk::os
