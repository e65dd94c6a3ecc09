#include "base/error.h"
#include "os/replay/process_walk.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::string_view walks = "@@ walk 0 exec 0 by P0\n"
                                   "T P0 P0 p1 task 1fa78000 stack 755d 755e 755f 7560\n"
                                   "M mm 485ba80 pgd 1fdd2 total 53 tables 6 users 1\n"
                                   "V 405000 406000 8100073 4 vma 1ffcf5f0 anon_vma 1ffcb618 p1\n"
                                   "V 406000 40e000 8100073 406 vma 1ffcfed8 anon_vma 0 [heap]\n"
                                   "T3 0 95b1\n"
                                   "T1 400000 95bf\n"
                                   "P 405000 2 872e nwd\n"
                                   "@@ end trunc 0\n"
                                   "@@ walk 1 step 104 by P1\n"
                                   "T P0 P0 p1 task 1fa78000 stack 755d 755e 755f 7560\n"
                                   "T P2 P0 p1 task 1fa79000 stack 765d 765e 765f 7660\n"
                                   "M mm 485ba80 pgd 1fdd2 total 53 tables 6 users 2\n"
                                   "H 600000 1 8600 nw\n"
                                   "S 405000 3 type 0 off 12\n"
                                   "T P1 P1 p1 task 1fa77000 stack 855d 855e 855f 8560\n"
                                   "M mm 485bb80 pgd 1fdd4 total 53 tables 6 users 1\n"
                                   "@@ end trunc 0\n";

TEST(ProcessWalk, HoldsTheMemoryOfEachProcess) {
    const std::vector<ProcessWalk> read = parse_walks(walks, "walks");
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].step, "exec");
    ASSERT_EQ(read[0].processes.size(), 1U);
    const WalkedProcess& process = read[0].processes[0];
    EXPECT_EQ(process.root, Pfn(0x1fdd2));
    ASSERT_EQ(process.areas.size(), 2U);
    EXPECT_EQ(process.areas[0].name, "p1");
    EXPECT_TRUE(process.areas[0].shows_file());
    EXPECT_FALSE(process.areas[1].shows_file());
    EXPECT_EQ(process.areas[0].flags, 0x8100073U);
    EXPECT_EQ(process.areas[0].page_offset, 4U);
    EXPECT_EQ(process.areas[0].object, PhysAddr(0x1ffcf5f0));
    EXPECT_EQ(process.areas[1].anon_vma, PhysAddr{});
    ASSERT_EQ(process.tables.size(), 2U);
    EXPECT_EQ(process.tables[0].level, 3U);
    EXPECT_EQ(process.tables[1].frame, Pfn(0x95bf));
    ASSERT_EQ(process.runs.size(), 1U);
    EXPECT_EQ(process.runs[0].pages, 2U);
    EXPECT_TRUE(process.runs[0].has('w'));
    EXPECT_FALSE(process.runs[0].has('z'));

    EXPECT_EQ(read[1].step, "104");
    ASSERT_EQ(read[1].processes.size(), 2U);
    EXPECT_EQ(read[1].processes[0].threads, (std::vector<std::string>{"P0", "P2"}));
    EXPECT_EQ(read[1].processes[0].runs[0].pages, 512U);
    EXPECT_TRUE(read[1].processes[0].runs[0].huge);
    EXPECT_EQ(read[1].processes[0].swapped, 3U);
    EXPECT_EQ(read[1].processes[1].threads.front(), "P1");
}

TEST(ProcessWalk, IsRefusedWhereItIsDamaged) {
    EXPECT_THROW((void)parse_walks("@@ walk 0 exec 0 by P0\nT3 0 95b1\n", "walks"), InputError);
    EXPECT_THROW((void)parse_walks("@@ walk 0 exec 0 by P0\nM mm 0 pgd 1\n", "walks"), InputError);
    EXPECT_THROW((void)parse_walks("@@ walk 0 exec 0 by P0\n@@ end trunc 1\n", "walks"), InputError);
    EXPECT_THROW((void)parse_walks("V 1 2\n", "walks"), InputError);
}

} // namespace
} // namespace pagewalk::os
