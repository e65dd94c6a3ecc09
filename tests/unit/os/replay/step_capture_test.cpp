#include "base/error.h"
#include "os/replay/step_capture.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::string_view steps = "@@ seq=0 step=exec who=P0 what=vmstat.in\n"
                                   "pgfault 10\n"
                                   "@@ seq=0 step=exec who=P0 what=stat\n"
                                   "minflt 9\n"
                                   "majflt 1\n"
                                   "@@ seq=0 step=exec who=P0 what=maps\n"
                                   "00400000-00401000 r--p 00000000 00:02 7  /bin/p1\n"
                                   "@@ seq=0 step=exec who=P0 what=smaps\n"
                                   "00400000-00401000 r--p 00001000 00:02 7  /bin/p1\n"
                                   "Size:                  4 kB\n"
                                   "Rss:                   0 kB\n"
                                   "THPeligible:    0\n"
                                   "VmFlags: rd mr\n"
                                   "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n"
                                   "Size:                  4 kB\n"
                                   "@@ seq=0 step=exec who=P0 what=vmstat.out\n"
                                   "pgfault 14\n"
                                   "@@ seq=1 step=101 who=P0 what=vmstat.in\n"
                                   "pgfault 20\n"
                                   "@@ seq=1 step=101 who=P1 what=maps\n"
                                   "00600000-00601000 rw-s 00000000 00:00 0\n";

TEST(StepCapture, HoldsWhatEachMarkerShowed) {
    const std::vector<StepCapture> read = parse_steps(steps, "steps");
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].step, "exec");
    EXPECT_EQ(*find_value(read[0].counters, "pgfault"), 10U);
    EXPECT_EQ(*find_value(read[0].after, "pgfault"), 14U);
    ASSERT_EQ(read[0].processes.size(), 1U);
    EXPECT_EQ(read[0].processes[0].minor_faults, 9U);
    EXPECT_EQ(read[0].processes[0].major_faults, 1U);
    ASSERT_EQ(read[0].processes[0].areas.size(), 1U); // smaps in the place of maps; none of the kernel's half
    EXPECT_EQ(read[0].processes[0].areas[0].line, "00400000-00401000 r--p 00001000");
    EXPECT_EQ(read[0].processes[0].areas[0].sizes, (NamedValues{{"Size", 4}, {"Rss", 0}}));
    EXPECT_EQ(read[1].step, "101");
    EXPECT_EQ(read[1].processes[0].who, "P1");
    EXPECT_EQ(read[1].processes[0].areas[0].line, "00600000-00601000 rw-s 00000000");
    EXPECT_EQ(find_value(read[1].counters, "pgmajfault"), nullptr);
}

TEST(StepCapture, SaysWhichLineIsDamaged) {
    try {
        (void)parse_steps("@@ seq=0 step=exec who=P0 what=vmstat.in\npgfault ten\n", "steps");
        FAIL();
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("steps"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("2"), std::string::npos);
    }
    EXPECT_THROW((void)parse_steps("@@ seq=0 who=P0\n", "steps"), InputError);
}

} // namespace
} // namespace pagewalk::os
