#include "os/proc/process_memory_text.h"
#include "os/proc/smaps.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// A program with a page of its file, three touched pages, of which one is locked, and a page of its stack.
struct ProcessMemoryText : testing::Test {
    test::Machine machine;
    TaskId task{};
    void SetUp() override {
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
        machine.map_anonymous(0x7f0000000000, 5 * page_size);
        for (std::uint64_t i = 0; i < 3; ++i) machine.touch(0x7f0000000000 + i * page_size);
        machine.call(149, {0x7f0000000000, page_size}, 0); // mlock
        machine.touch(0x7fffffffe000);
        machine.touch(0x400000, FaultAccess::Execute);
    }
};

TEST_F(ProcessMemoryText, OfStatusCountsAreasByWhatTheyAreFor) {
    const std::string text = status_memory_text(*machine.kernel, task);
    for (const char* line : {"VmSize:\t      32 kB\n", "VmLck:\t       4 kB\n", "VmRSS:\t      24 kB\n",
                             "RssAnon:\t      16 kB\n", "RssFile:\t       8 kB\n", "RssShmem:\t       0 kB\n",
                             "VmData:\t      20 kB\n", "VmStk:\t       4 kB\n", "VmExe:\t       8 kB\n",
                             "VmLib:\t       0 kB\n", "VmSwap:\t       0 kB\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(ProcessMemoryText, OfStatmIsInPages) {
    EXPECT_EQ(statm_text(*machine.kernel, task), "8 6 2 2 0 6 0\n");
}

TEST_F(ProcessMemoryText, OfSmapsRollupIsTheSumOfAllAreas) {
    const std::string text = smaps_rollup_text(*machine.kernel, task);
    EXPECT_TRUE(text.starts_with("00400000-7ffffffff000 ---p 00000000 00:00 0 ")) << text;
    for (const char* line :
         {"[rollup]\n", "Rss:                  24 kB\n", "Pss_Anon:             16 kB\n",
          "Pss_File:              8 kB\n", "Pss_Shmem:             0 kB\n", "Locked:                4 kB\n"})
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST_F(ProcessMemoryText, OfSmapsNamesFlags) {
    const std::string text = smaps_text(*machine.kernel, task);
    EXPECT_NE(text.find("VmFlags: rd ex \n"), std::string::npos) << text;
    EXPECT_NE(text.find("VmFlags: rd wr lo ac \n"), std::string::npos) << text;
    EXPECT_NE(text.find("VmFlags: rd wr gd ac \n"), std::string::npos) << text;
}

TEST_F(ProcessMemoryText, OfNobodyIsEmpty) {
    const TaskId nobody{77};
    EXPECT_EQ(status_memory_text(*machine.kernel, nobody), "");
    EXPECT_EQ(statm_text(*machine.kernel, nobody), "");
    EXPECT_EQ(smaps_rollup_text(*machine.kernel, nobody), "");
}

} // namespace
} // namespace pagewalk::os
