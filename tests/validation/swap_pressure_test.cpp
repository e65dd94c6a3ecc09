#include "os/proc/vmstat.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

/// A program that writes, reads and writes again twice as much memory as there is, against the counters of a
/// real Linux 6.1.192 that ran it (260 MiB in order, "p5 anon 260 fwd", one CPU, 1 GiB of swap on
/// virtio-blk).
namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x100000000000;
constexpr std::uint64_t pages = 260 * 256;
constexpr std::uint64_t free_pages = 34'377; ///< when the program began
constexpr Tick slice{4'000'000 * ticks_per_ns};

using Counters = std::map<std::string, std::uint64_t>;

struct Expectation {
    const char* counter;
    std::uint64_t real;
    double allowed; ///< part of it; two boots of the real kernel differ by up to half as much or more
};
using Phase = std::initializer_list<Expectation>;

class Pressure : public testing::Test {
protected:
    Pressure() {
        m_machine.config.swap_bytes = 1ULL << 30;
        m_machine.config.file_cache = FileCache::Cold;
        m_machine.boot();
        m_program = m_machine.pick().task;
        take_memory();
        m_machine.map_anonymous(base, pages * page_size);
        m_first = m_before = counters();
    }
    void touch_all(FaultAccess access) {
        for (std::uint64_t page = 0; page < pages; ++page) touch(base + page * page_size, access);
    }
    /// What has been counted since the last call, beside the real kernel's.
    void compare(const char* name, Phase phase) {
        compare_since(m_before, name, phase);
        m_before = counters();
    }
    /// The same for all phases together: a round over pages that are all in use may fall into either of two.
    void compare_all(Phase phase) { compare_since(m_first, "all", phase); }

private:
    void compare_since(const Counters& before, const char* name, Phase expected) {
        const Counters now = counters();
        for (const auto& [counter, real, allowed] : expected) {
            const auto ours = static_cast<double>(now.at(counter) - before.at(counter));
            std::cout << name << ' ' << counter << ": " << ours << ", real " << real << '\n';
            EXPECT_LE(std::abs(ours - static_cast<double>(real)), allowed * static_cast<double>(real))
                << name << ' ' << counter;
        }
    }
    [[nodiscard]] Counters counters() {
        Counters counters;
        std::istringstream text(vmstat_text(*m_machine.kernel));
        std::uint64_t value = 0;
        for (std::string name; text >> name >> value;) counters[name] = value;
        return counters;
    }
    void take_memory() {
        const AllocRequest request{.mask = gfp::kernel.without(gfp::reclaim)};
        for (std::uint64_t left = counters().at("nr_free_pages"); left > free_pages; --left)
            ASSERT_TRUE(m_machine.kernel->allocator().allocate(request).has_value());
    }
    void touch(std::uint64_t address, FaultAccess access) {
        const bool write = access == FaultAccess::Write;
        AddressSpace& space = *m_machine.kernel->processes().find(m_program)->space;
        for (int tries = 0; tries < 50; ++tries) {
            const PteSlot slot = m_machine.kernel->memory().tables().find(space, VirtAddr(address));
            if (slot && slot.entry->present() && (!write || slot.entry->has(PageTableEntry::Writable))) {
                *slot.entry = slot.entry->with(PageTableEntry::Accessed |
                                               (write ? std::uint64_t{PageTableEntry::Dirty} : 0));
                m_machine.now += Tick(20 * ticks_per_ns); // the program's own instructions
                return;
            }
            m_machine.touch_and_wait(m_program, address, CpuId{}, access);
            if (m_machine.now >= m_slice_end) let_others_run();
        }
        FAIL() << "the fault does not come to an end";
    }
    /// The program's time slice is over: kswapd, where it is awake, is next.
    void let_others_run() {
        for (int rounds = 0; rounds < 1000; ++rounds) {
            const TaskId task = m_machine.pick().task;
            if (task == m_program && !TaskRunner::in_operation(*m_machine.kernel->find_task(task))) break;
            if (task == TaskId{}) m_machine.now = std::max(m_machine.now, m_machine.next_event());
        }
        m_slice_end = m_machine.now + slice;
    }

    Machine m_machine{256ULL << 20, 1};
    TaskId m_program{};
    Tick m_slice_end{};
    Counters m_first, m_before;
};

TEST_F(Pressure, CountsWhatTheRealKernelCounts) {
    touch_all(FaultAccess::Write);
    compare("written", {{"pgfault", 66'564, 0.05},
                        {"pswpout", 33'874, 0.07},
                        {"pgsteal_anon", 33'038, 0.07},
                        {"pgsteal_kswapd", 25'319, 0.3},
                        {"allocstall_movable", 155, 0.65}});
    touch_all(FaultAccess::Read);
    compare("read", {{"pgmajfault", 8'364, 0.01},
                     {"pswpin", 66'453, 0.005},
                     {"swap_ra", 58'089, 0.005},
                     {"pswpout", 33'913, 0.07},
                     {"workingset_refault_anon", 66'453, 0.005}});
    touch_all(FaultAccess::Write);
    compare("written again", {{"pgmajfault", 8'370, 0.01},
                              {"pswpin", 66'568, 0.005},
                              {"pswpout", 32'290, 0.07},
                              {"pgsteal_anon", 66'595, 0.07},
                              {"pageoutrun", 580, 0.3}});
    compare_all({{"pgscan_anon", 438'693, 0.07}});
}

} // namespace
} // namespace pagewalk::os
