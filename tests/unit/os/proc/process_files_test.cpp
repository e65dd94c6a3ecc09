#include "os/proc/process_files.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x7f0000000000;

struct ProcessFiles : testing::Test {
    Machine machine{512ULL << 20, 2};
    TaskId task{};

    void SetUp() override {
        machine.config.memory = pc_memory_map({256ULL << 20, 256ULL << 20}, 2);
        machine.workload.mappings = {{.start = VirtAddr(0x400000),
                                      .end = VirtAddr(0x402000),
                                      .readable = true,
                                      .executable = true,
                                      .file = "/bin/true"},
                                     {.start = VirtAddr(0x7fffffffe000),
                                      .end = VirtAddr(0x7ffffffff000),
                                      .readable = true,
                                      .writable = true,
                                      .grows_down = true}};
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(base, 4 * page_size);
        machine.touch(base);
        machine.touch(base + page_size);
        machine.touch(base + 2 * page_size, FaultAccess::Read); // the zero page is nobody's
    }
    [[nodiscard]] std::string text(std::string_view file) {
        return process_file_text(*machine.kernel, task, file);
    }
};

TEST_F(ProcessFiles, TellOfEachAreasPolicyAndWhereItsPagesAre) {
    EXPECT_EQ(text("numa_maps"), "00400000 default file=/bin/true\n"
                                 "7f0000000000 default anon=2 dirty=2 active=0 N0=2 kernelpagesize_kB=4\n"
                                 "7fffffffe000 default stack\n");
    SyscallRecord mbind{.number = 237, .arguments = {base, 2 * page_size, 2, 0x1000, 65, 2}};
    mbind.segments.push_back({VirtAddr(0x1000), 0b10});
    machine.call(mbind);
    EXPECT_NE(text("numa_maps")
                  .find("7f0000000000 bind:1 anon=2 dirty=2 active=0 N1=2 kernelpagesize_kB=4\n"
                        "7f0000002000 default\n"),
              std::string::npos)
        << text("numa_maps");
}

TEST_F(ProcessFiles, TellSizes) {
    EXPECT_EQ(text("statm"), "7 2 0 2 0 5 0\n");
    const std::string status = text("status");
    for (const char* line :
         {"TracerPid:\t0\n", "Seccomp:\t0\n", "VmSize:\t      28 kB\n", "VmRSS:\t       8 kB\n",
          "RssAnon:\t       8 kB\n", "VmData:\t      16 kB\n", "VmStk:\t       4 kB\n",
          "VmExe:\t       8 kB\n", "Threads:\t1\n", "Cpus_allowed:\t3\n", "Cpus_allowed_list:\t0-1\n",
          "00000000,00000003\n", "Mems_allowed_list:\t0-1\n"})
        EXPECT_NE(status.find(line), std::string::npos) << line << status;
}

TEST_F(ProcessFiles, AreEmptyForOthers) {
    EXPECT_EQ(text("environ"), "");
    EXPECT_EQ(process_file_text(*machine.kernel, TaskId{999}, "status"), "");
    EXPECT_TRUE(text("smaps_rollup").contains("[rollup]"));
    EXPECT_NE(text("smaps").find("7f0000000000-"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
