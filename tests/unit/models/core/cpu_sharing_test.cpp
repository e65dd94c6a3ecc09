#include "tests/unit/models/core/cpu_rig.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using namespace rig;

enum class Update : bool { Plain, Locked };

constexpr std::uint64_t updates = 4000;
constexpr std::array quanta{Tick(10'000), Tick(250'000), Tick(2'000'000)};

/// One instruction that changes a word.
Step update_of(VirtAddr word, Update how) {
    Step s =
        step({load(0, 1),
              how == Update::Locked ? op(UopClass::Serialize, locked_operation_latency, 1, 1) : alu(1, 1),
              store(1)},
             {read(0, word), write(0, word)});
    for (MicroOp& uop : s.block.uops) uop.instruction = 0;
    s.block.instruction_count = 1;
    s.instructions = 1;
    return s;
}

struct Shared {
    double update_ns = 0;        ///< of a CPU's, the last one's
    std::uint64_t transfers = 0; ///< lines that went from one CPU to another
};

/// CPUs that update at once, each `distance` bytes behind the one before.
Shared run(std::size_t cpus, Update how, std::uint64_t distance, Tick quantum) {
    CpuRig rig(cpus);
    for (std::size_t i = 0; i < cpus; ++i) {
        auto& task = rig.kernel.add_task(static_cast<std::uint32_t>(i + 1), static_cast<CpuId>(i));
        task.stream.add(std::vector(updates, update_of(data + i * distance, how)), StreamStatus::End);
    }
    rig.run(quantum, Tick(100'000'000'000));
    EXPECT_EQ(rig.kernel.live_tasks(), 0U);
    const auto last = std::ranges::max(rig.kernel.completed, {}, &ScriptedKernel::Completion::now).now;
    const SharedCacheStats& stats = rig.llc.stats();
    return {static_cast<double>(last.value()) / 1000 / updates,
            stats.remote_cache_hits + stats.invalidations};
}

TEST(CpuSharing, LockedUpdatesOfOneWordTakeTurnsAtEveryQuantum) {
    const double alone = run(1, Update::Locked, 0, quanta[0]).update_ns;
    for (const std::size_t cpus : {2U, 4U}) {
        const Shared fine = run(cpus, Update::Locked, 0, quanta[0]);
        EXPECT_GT(fine.update_ns, static_cast<double>(cpus) * alone);
        for (const Tick quantum : quanta) {
            const Shared shared = run(cpus, Update::Locked, 0, quantum);
            EXPECT_NEAR(shared.update_ns, fine.update_ns, 0.02 * fine.update_ns)
                << cpus << " " << quantum.value();
            EXPECT_GT(shared.transfers, cpus * updates * 19 / 10) << cpus << " " << quantum.value();
        }
    }
}

TEST(CpuSharing, NeighboursInALineMoveItAtEveryQuantum) {
    const Shared alone = run(1, Update::Plain, 0, quanta[0]);
    const Shared fine = run(2, Update::Plain, 8, quanta[0]);
    EXPECT_GT(fine.update_ns, 1.5 * alone.update_ns);
    for (const Tick quantum : quanta)
        EXPECT_GT(run(2, Update::Plain, 8, quantum).update_ns, 1.2 * alone.update_ns) << quantum.value();
}

TEST(CpuSharing, LinesOfOnesOwnCostNothingMore) {
    for (const Update how : {Update::Plain, Update::Locked})
        for (const Tick quantum : quanta) {
            const Shared alone = run(1, how, 0, quantum), beside = run(4, how, line_size, quantum);
            EXPECT_LE(beside.update_ns, 1.05 * alone.update_ns) << quantum.value();
            EXPECT_LT(beside.transfers, 20U); // of the kernel's, at the end
        }
}

} // namespace
} // namespace pagewalk::models
