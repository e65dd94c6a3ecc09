#pragma once

#include "base/time.h"
#include "contract/kernel_path.h"
#include "models/cache/private_hierarchy.h"
#include "models/core/core_stats.h"
#include "models/core/pipeline.h"
#include "models/core/stream_cursor.h"
#include "models/mmu/mmu.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace pagewalk::models {

/// How a core executes what it is given.
enum class Execution : std::uint8_t {
    Detailed, ///< out of order, timed
    Warming,  ///< in order, an instruction a cycle; TLBs and caches see every access, a miss is waited for
    Bare,     ///< as Warming, but caches see nothing except page walks
};

/// Executes a program and kernel paths for their effects: what faults, which lines and translations are
/// there, roughly when. Neither decodes nor predicts. Method: functional warming, Wunderlich et al.,
/// "SMARTS", ISCA 2003.
class FastForward {
public:
    FastForward(PrivateHierarchy& hierarchy, Mmu& mmu, Pipeline& pipeline, CoreStats& stats)
        : m_hierarchy(hierarchy), m_mmu(mmu), m_pipeline(pipeline), m_stats(stats) {}

    void set_execution(Execution execution);

    /// Another task, or the kernel in between: the line that was fetched last is fetched again.
    void forget_line() { m_last_line = VirtAddr(~0ULL); }
    void forget_previous_block() { m_previous_block = nullptr; }

    /// As OooCore's functions of these names; `fault` is set where a page fault ends the run.
    RunExit run(StreamCursor& cursor, const RunLimits& limits, PendingFault& fault);
    [[nodiscard]] std::uint32_t kernel_execute(const KernelStep& step, VirtAddr stack, std::uint32_t done,
                                               Cycles until);
    [[nodiscard]] std::uint32_t kernel_clear(const KernelStep& step, std::uint32_t done, Cycles until);
    [[nodiscard]] std::uint32_t kernel_copy(const KernelStep& step, std::uint32_t done, Cycles until);
    void kernel_load(VirtAddr address);
    void kernel_store(VirtAddr address);
    void kernel_atomic(VirtAddr address);

private:
    /// Fetches the lines of a block. False on a page fault.
    [[nodiscard]] bool fetch(VirtAddr start, VirtAddr end, PendingFault& fault);
    /// An access of the program's. False on a page fault.
    [[nodiscard]] bool access(MemoryReference reference, VirtAddr pc, PendingFault& fault);
    [[nodiscard]] bool access_line(VirtAddr address, bool store, VirtAddr pc, PendingFault& fault);
    void count_instructions(const StaticBlock& block, std::uint32_t executed);
    void kernel_access(VirtAddr address, bool store);
    /// Bytes of a string step from `done` on, a line at a time; `touch` is told each line's offset.
    template <class Touch>
    [[nodiscard]] std::uint32_t string_step(const KernelStep& step, std::uint32_t done, Cycles until,
                                            Touch touch);
    void wait_for(Cycles cycle) { m_now = std::max(m_now, cycle); }
    /// Has this place been accessed like this since run() began? Then there is nothing to learn: neither the
    /// kernel nor another CPU has done anything since.
    [[nodiscard]] bool has_seen(VirtAddr address, bool store) const {
        const std::uint64_t place = address.value() >> m_seen_shift;
        return (m_seen[place % m_seen.size()] | (store ? 0 : 1)) == (place << 1 | 1);
    }
    void remember(VirtAddr address, bool store) {
        const std::uint64_t place = address.value() >> m_seen_shift;
        m_seen[place % m_seen.size()] = place << 1 | (store ? 1 : 0);
    }
    /// Local time is the pipeline's between two calls.
    void begin() { m_now = m_pipeline.cycle(); }
    void settle();

    PrivateHierarchy& m_hierarchy;
    Mmu& m_mmu;
    Pipeline& m_pipeline;
    CoreStats& m_stats;
    bool m_warms = false; ///< the caches
    unsigned m_seen_shift = page_shift;
    std::array<std::uint64_t, 32> m_seen{}; ///< places * 2, plus 1 for one that has been written
    Cycles m_now{};
    VirtAddr m_last_line{~0ULL};
    const StaticBlock* m_previous_block = nullptr; ///< whole, if it was one iteration of a string instruction
};

} // namespace pagewalk::models
