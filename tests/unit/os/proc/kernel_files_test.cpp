#include "os/proc/maps.h"
#include "os/proc/meminfo.h"
#include "os/proc/smaps.h"
#include "os/proc/vmstat.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

std::map<std::string, std::uint64_t> fields(const std::string& text) {
    std::map<std::string, std::uint64_t> found;
    std::stringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::stringstream words(line);
        std::string name;
        std::uint64_t value = 0;
        words >> name >> value;
        found[name] = value;
    }
    return found;
}

TEST(Maps, PrintsAreasAsLinuxDoes) {
    Machine machine;
    machine.workload.mappings = {{.start = VirtAddr(0x400000),
                                  .end = VirtAddr(0x402000),
                                  .readable = true,
                                  .executable = true,
                                  .file = "/bin/true",
                                  .file_offset = 0x1000},
                                 {.start = VirtAddr(0x7fffffffe000),
                                  .end = VirtAddr(0x7ffffffff000),
                                  .readable = true,
                                  .writable = true,
                                  .grows_down = true}};
    machine.boot();
    const ScheduledTask task = machine.pick();
    machine.map_anonymous(0x7f0000000000, 3 * page_size);
    machine.call(12, {}, 0x1000000);
    machine.call(12, {0x1001000}, 0x1001000);
    EXPECT_EQ(maps_text(*machine.kernel, task.task),
              "00400000-00402000 r-xp 00001000 08:01 1                                  /bin/true\n"
              "01000000-01001000 rw-p 00000000 00:00 0                                  [heap]\n"
              "7f0000000000-7f0000003000 rw-p 00000000 00:00 0 \n"
              "7fffffffe000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
              "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
}

TEST(Smaps, SharesPagesAmongThoseWhoMapThem) {
    Machine machine;
    machine.boot();
    const ScheduledTask task = machine.pick();
    machine.map_anonymous(0x7f0000000000, 4 * page_size);
    machine.touch(0x7f0000000000, FaultAccess::Write);
    machine.touch(0x7f0000001000, FaultAccess::Write);
    machine.touch(0x7f0000002000, FaultAccess::Read); // the zero page is nobody's
    const auto areas = [&] {
        const std::string text = smaps_text(*machine.kernel, task.task);
        return text.substr(text.find("7f0000000000-"));
    };
    const std::string alone = areas();
    EXPECT_NE(alone.find("Size:                 16 kB\n"), std::string::npos) << alone;
    EXPECT_NE(alone.find("Rss:                   8 kB\n"), std::string::npos) << alone;
    EXPECT_NE(alone.find("Pss:                   8 kB\n"), std::string::npos) << alone;
    EXPECT_NE(alone.find("Private_Dirty:         8 kB\n"), std::string::npos) << alone;
    EXPECT_NE(alone.find("Anonymous:             8 kB\n"), std::string::npos) << alone;
    machine.call(57, {}, 77);
    const std::string shared = areas();
    EXPECT_NE(shared.find("Rss:                   8 kB\n"), std::string::npos) << shared;
    EXPECT_NE(shared.find("Pss:                   4 kB\n"), std::string::npos) << shared;
    EXPECT_NE(shared.find("Shared_Dirty:          8 kB\n"), std::string::npos) << shared;
    EXPECT_NE(shared.find("Private_Dirty:         0 kB\n"), std::string::npos) << shared;
    EXPECT_EQ(smaps_text(*machine.kernel, TaskId{999}), "");
}

TEST(Meminfo, AccountsForWhatAProgramUses) {
    Machine machine;
    machine.boot();
    machine.pick();
    machine.map_anonymous(0x7f0000000000, 100 * page_size);
    const auto before = fields(meminfo_text(*machine.kernel));
    for (std::uint64_t i = 0; i < 100; ++i) machine.touch(0x7f0000000000 + i * page_size);
    const auto after = fields(meminfo_text(*machine.kernel));
    EXPECT_EQ(after.at("AnonPages:"), 400U);
    EXPECT_EQ(after.at("PageTables:"), 8U); // of 2 MiB and 1 GiB; NR_PAGETABLE leaves out the tables above
    EXPECT_EQ(after.at("MemTotal:"), before.at("MemTotal:"));
    EXPECT_LE(after.at("MemFree:") + 400, before.at("MemFree:") + 4 * 62); // a per-CPU list may hold a batch
    EXPECT_EQ(meminfo_text(*machine.kernel).substr(0, 16), "MemTotal:       ");
}

TEST(Vmstat, CountsFaultsAndAllocations) {
    Machine machine;
    machine.boot();
    machine.pick();
    machine.map_anonymous(0x7f0000000000, 10 * page_size);
    const auto before = fields(vmstat_text(*machine.kernel));
    for (std::uint64_t i = 0; i < 10; ++i) machine.touch(0x7f0000000000 + i * page_size);
    const auto after = fields(vmstat_text(*machine.kernel));
    EXPECT_EQ(after.at("pgfault") - before.at("pgfault"), 10U);
    EXPECT_EQ(after.at("nr_anon_pages"), 10U);
    EXPECT_GE(after.at("pgalloc_dma32") - before.at("pgalloc_dma32"), 13U);
    EXPECT_EQ(after.size(), before.size());
    EXPECT_TRUE(after.contains("nr_unstable"));
}

} // namespace
} // namespace pagewalk::os
