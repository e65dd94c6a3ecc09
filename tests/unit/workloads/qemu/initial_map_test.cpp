#include "base/error.h"
#include "workloads/qemu/initial_map.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

const std::string log = R"(page layout changed following mmap
start            end              size             prot
0000000000400000-0000000000401000 0000000000001000 r--
page layout changed following binary load
start            end              size             prot
0000000000400000-0000000000401000 0000000000001000 r--
0000000000401000-0000000000402000 0000000000001000 r-x
0000000000402000-0000000000406000 0000000000004000 rw-
0000004000000000-0000004000001000 0000000000001000 ---
0000004000001000-0000004000801000 0000000000800000 rw-
ffffffffff600000-ffffffffff601000 0000000000001000 --x
start_brk   0x0000000000000000
start_stack 0x0000004000800800
brk         0x0000000000405aa0
entry       0x0000000000401560
page layout changed following mmap
0000005000000000-0000005000001000 0000000000001000 rw-
)";

const std::string maps = R"(00400000-00402000 r--p 00000000 fe:00 7 /a program
00402000-00403000 rw-p 00002000 fe:00 7 /a program
00403000-00406000 rw-p 00000000 00:00 0
7f0000000000-7f0000001000 r--p 00000000 fe:00 9 /usr/bin/qemu-x86_64
)";

TEST(InitialMap, JoinsTheEmulatorsProtectionsWithTheHostsFiles) {
    const auto mappings = parse_initial_map(log, maps);
    ASSERT_EQ(mappings.size(), 6);
    EXPECT_EQ(mappings[1].start, VirtAddr(0x401000));
    EXPECT_TRUE(mappings[1].executable);
    EXPECT_FALSE(mappings[1].writable);
    EXPECT_EQ(mappings[1].file, "/a program");
    EXPECT_EQ(mappings[1].file_offset, 0x1000);
    EXPECT_EQ(mappings[2].end, VirtAddr(0x403000));
    EXPECT_EQ(mappings[2].file_offset, 0x2000);
    EXPECT_EQ(mappings[3].start, VirtAddr(0x403000));
    EXPECT_EQ(mappings[3].file, "");
    EXPECT_TRUE(mappings[4].heap);
    EXPECT_EQ(mappings[4].start, VirtAddr(0x406000));
    EXPECT_EQ(mappings[4].end, VirtAddr(0x406000));
    EXPECT_TRUE(mappings[5].grows_down);
    EXPECT_EQ(mappings[5].end, VirtAddr(0x4000801000));
}

TEST(InitialMap, RefusesALogThatDoesNotShowTheProgram) {
    EXPECT_THROW(static_cast<void>(parse_initial_map("", maps)), RunError);
    EXPECT_THROW(static_cast<void>(parse_initial_map(log.substr(0, log.find("start_stack")), maps)),
                 RunError);
}

} // namespace
} // namespace pagewalk::workloads
