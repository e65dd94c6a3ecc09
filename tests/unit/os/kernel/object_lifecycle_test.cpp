#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include <gtest/gtest.h>

/// Programs that make the kernel create and drop objects, under each object allocator.
namespace pagewalk::os {
namespace {

using test::Machine;
using Kind = ObjectAllocatorConfig::Kind;

constexpr std::uint64_t base = 0x10000000;

/// Keeps the rows of every table it is given.
struct KeptEvents final : EventSink {
    std::vector<KmemEvent> rows;
    void append(const EventSchema&, std::span<const std::byte> bytes) override {
        const std::size_t at = rows.size();
        rows.resize(at + bytes.size() / sizeof(KmemEvent));
        std::memcpy(rows.data() + at, bytes.data(), bytes.size());
    }
};

/// Opens, maps, forks and exits on two CPUs.
class Program {
public:
    Program(Kind kind, KernelTiming timing = KernelTiming::On) : m_machine(512ULL << 20, 2) {
        m_machine.config.objects.kind = kind;
        m_machine.config.timing = timing;
        m_machine.boot();
        m_machine.kernel->journal().table<KmemEvent>().connect(&m_events, {1});
        m_machine.pick();
    }

    /// To the end of the last process.
    void run() {
        std::uint64_t round = 0;
        for (std::uint16_t i = 0; m_machine.kernel->live_tasks() != 0; ++i) {
            ASSERT_LT(i, 1000);
            const CpuId cpu{static_cast<std::uint16_t>(i % 2)};
            m_machine.now += Tick(10'000'000'000);
            const ScheduledTask next = m_machine.pick(cpu);
            if (next.stream == nullptr) continue;
            if (next.stream != m_machine.workload.streams.front().get()) {
                m_machine.touch(base, FaultAccess::Write, cpu);
                m_machine.call(231, {}, 0, cpu);
            } else if (round < 6) {
                work(round++, cpu);
            } else {
                m_machine.call(231, {}, 0, cpu);
            }
        }
        m_machine.pick();
        m_machine.pick(CpuId{1});
        m_machine.kernel->journal().table<KmemEvent>().flush();
    }
    [[nodiscard]] Kernel& kernel() { return *m_machine.kernel; }
    [[nodiscard]] const std::vector<KmemEvent>& events() const { return m_events.rows; }

private:
    void work(std::uint64_t round, CpuId cpu) {
        for (std::uint64_t i = 0; i < 60; ++i) {
            open(10 + i, "/data/" + std::to_string(i), 257, cpu);
            m_machine.call(9, {0, 8 * page_size, 3, 0x22, ~0ULL, 0},
                           static_cast<std::int64_t>(base + i * 16 * page_size), cpu);
            m_machine.touch(base + i * 16 * page_size, FaultAccess::Write, cpu);
        }
        open(200, "/memory", 319, cpu);
        m_machine.call(1, {200, base, 3 * page_size}, 3 * page_size, cpu);
        const auto child = static_cast<std::int64_t>(1000 + round);
        m_machine.workload.add_child(child);
        m_machine.call(57, {}, child, cpu);
        for (std::uint64_t i = 0; i < 60; i += 2) {
            m_machine.call(3, {10 + i}, 0, cpu);
            m_machine.call(11, {base + i * 16 * page_size, 8 * page_size}, 0, cpu);
        }
        m_machine.call(3, {200}, 0, cpu);
    }
    void open(std::uint64_t fd, const std::string& path, std::uint32_t number, CpuId cpu) {
        m_machine.call(SyscallRecord{.number = number, .result = static_cast<std::int64_t>(fd), .path = path},
                       cpu);
    }

    Machine m_machine;
    KeptEvents m_events;
};

class ObjectLifecycle : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(EveryAllocator, ObjectLifecycle, testing::Values(Kind::Slub, Kind::Slab, Kind::Slob),
                         [](const auto& test) {
                             return std::string(test.param == Kind::Slub   ? "Slub"
                                                : test.param == Kind::Slab ? "Slab"
                                                                           : "Slob");
                         });

TEST_P(ObjectLifecycle, ReturnsWhatItsProcessesHadWhenTheyAreGone) {
    Program program(GetParam());
    program.run();
    KernelObjects& objects = program.kernel().objects();
    // Files stay known, with their inodes, names and cached pages; all else is gone.
    for (const ObjectKind kind :
         {ObjectKind::Mm, ObjectKind::MapleNode, ObjectKind::Pid, ObjectKind::AnonVma,
          ObjectKind::AnonVmaChain, ObjectKind::Credentials, ObjectKind::SignalHandlers, ObjectKind::Signals,
          ObjectKind::Files, ObjectKind::FileSystemState, ObjectKind::VmArea, ObjectKind::FileSecurity,
          ObjectKind::PathName, ObjectKind::File, ObjectKind::ShmemInode})
        EXPECT_EQ(objects.objects(kind), 0U) << object_type(kind).cache;
    EXPECT_EQ(objects.objects(ObjectKind::Task), 3U); // kswapd, kcompactd and the flusher
    EXPECT_EQ(objects.objects(ObjectKind::Inode), 60U);
    EXPECT_EQ(objects.objects(ObjectKind::Dentry), 60U);
    EXPECT_EQ(objects.reports().count(), 0U);
}

TEST_P(ObjectLifecycle, LeavesCachesThatCanBeDestroyed) {
    Program program(GetParam());
    program.run();
    KernelObjects& objects = program.kernel().objects();
    KernelPath path;
    PathLog log;
    const CostTable costs;
    Operation op{.path = {path, costs, KernelTiming::Off}, .log = log};
    const std::uint64_t pages = objects.pages();
    for (std::size_t i = 0; i < object_kind_count; ++i) {
        const auto kind = static_cast<ObjectKind>(i);
        const bool in_use = objects.objects(kind) != 0;
        const bool merged = objects.cache(kind).references > 1; // gives up its name only
        EXPECT_EQ(objects.destroy(op, objects.cache(kind)), merged || !in_use) << object_type(kind).cache;
    }
    objects.end_grace_period(op);
    EXPECT_LT(objects.pages(), pages);
}

TEST_P(ObjectLifecycle, IsTheSameEveryTime) {
    Program first(GetParam()), second(GetParam());
    first.run();
    second.run();
    ASSERT_GT(first.events().size(), 500U);
    ASSERT_EQ(first.events().size(), second.events().size());
    EXPECT_EQ(
        std::memcmp(first.events().data(), second.events().data(), first.events().size() * sizeof(KmemEvent)),
        0);
}

TEST_P(ObjectLifecycle, RecordsEveryAllocationAndFree) {
    Program program(GetParam());
    program.run();
    std::map<std::uint64_t, std::uint16_t> live;
    std::size_t strangers = 0;
    for (const KmemEvent& event : program.events()) {
        if (event.call == KmemCall::KmemCacheAlloc || event.call == KmemCall::Kmalloc) {
            EXPECT_TRUE(live.emplace(event.ptr, event.cache).second);
            EXPECT_LE(event.bytes_req, event.bytes_alloc);
            EXPECT_TRUE(allocates(event.path));
        } else if (const auto found = live.find(event.ptr); found != live.end()) {
            EXPECT_EQ(event.cache, found->second);
            EXPECT_FALSE(allocates(event.path));
            live.erase(found);
        } else {
            ++strangers; // the first task's objects are older than the record
        }
    }
    EXPECT_LT(strangers, 20U);
}

TEST_P(ObjectLifecycle, TakesLongerOnSlowPaths) {
    Program program(GetParam());
    program.run();
    const auto& latency = program.kernel().counters().object_latency;
    const auto median = [&](SlabPath path) { return latency[static_cast<std::size_t>(path)].percentile(50); };
    const SlabPath fast = GetParam() == Kind::Slob ? SlabPath::AllocScan : SlabPath::AllocFast;
    ASSERT_NE(median(fast), 0U);
    EXPECT_GT(median(SlabPath::AllocNewSlab), 2 * median(fast));
}

/// What running `path` from `start` on takes where locks are free from the times in `free_at` on, at an
/// instruction a nanosecond.
Tick run_with_locks(const KernelPath& path, Tick start, std::map<std::uint64_t, Tick>& free_at,
                    Tick& waited) {
    Tick now = start;
    for (const KernelStep& step : path.steps()) {
        if (step.kind == StepKind::Execute) now += Tick(step.count * ticks_per_ns);
        if (step.kind == StepKind::AcquireLock)
            if (const auto found = free_at.find(step.address.value());
                found != free_at.end() && found->second > now) {
                waited += found->second - now;
                now = found->second;
            }
        if (step.kind == StepKind::ReleaseLock) free_at[step.address.value()] = now;
    }
    return now;
}

TEST(ObjectLocks, AreContendedByCpusThatRefillFromOneNode) {
    Machine machine(512ULL << 20, 2);
    machine.boot();
    KernelObjects& objects = machine.kernel->objects();
    const CostTable costs;
    KernelPath paths[2];
    PathLog logs[2];
    const auto op_of = [&](std::size_t cpu) {
        return Operation{.path = {paths[cpu], costs, KernelTiming::On},
                         .log = logs[cpu],
                         .cpu = CpuId{static_cast<std::uint16_t>(cpu)}};
    };
    // Slabs of which one object each is free fill the node's list.
    Operation op = op_of(0);
    std::vector<VirtAddr> taken;
    for (int i = 0; i < 3000; ++i) taken.push_back(objects.allocate(op, ObjectKind::VmArea));
    for (std::size_t i = 0; i < taken.size(); i += 26) objects.free(op, ObjectKind::VmArea, taken[i]);
    for (std::size_t cpu = 0; cpu < 2; ++cpu) {
        SlabPath served = SlabPath::None;
        for (int i = 0; i < 400 && served != SlabPath::AllocNodePartial; ++i) {
            paths[cpu].clear();
            logs[cpu].clear();
            Operation each = op_of(cpu);
            (void)objects.allocate(each, ObjectKind::VmArea);
            served = logs[cpu].objects.back().event.path;
        }
        ASSERT_EQ(served, SlabPath::AllocNodePartial);
    }
    // Both at once.
    Tick waited{};
    std::map<std::uint64_t, Tick> free_at;
    const Tick alone = run_with_locks(paths[0], Tick{}, free_at, waited);
    EXPECT_EQ(waited, Tick{});
    const Tick behind = run_with_locks(paths[1], Tick{}, free_at, waited);
    EXPECT_GT(behind, alone);
    EXPECT_GT(waited, Tick(10 * ticks_per_ns));
}

} // namespace
} // namespace pagewalk::os
