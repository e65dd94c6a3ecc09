#include "workloads/qemu/machine_calls.h"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr pid_t first = 100;
constexpr pid_t second = 101;
constexpr pid_t third = 102;

class MachineCallsTest : public testing::Test {
protected:
    MachineCalls calls{{.folder = "/files", .node_of_cpu = {0, 0, 1, 1}, .memory = 1 << 20, .free = 1 << 19}};
};

TEST_F(MachineCallsTest, RedirectsWhatTellsOfTheMachineAndNothingElse) {
    EXPECT_EQ(calls.stand_in("/proc/cpuinfo", first), "/files/proc/cpuinfo");
    EXPECT_EQ(calls.stand_in("/sys/devices/system/node", first), "/files/sys/devices/system/node");
    EXPECT_EQ(calls.stand_in("/sys/devices/system/cpu/online", first),
              "/files/sys/devices/system/cpu/online");
    for (const char* path : {"/proc", "/proc/cpuinfo2", "/proc/self/status", "/sys/devices/system/cpufreq",
                             "/sys/devices/system", "/etc/passwd", "proc/cpuinfo", ""})
        EXPECT_EQ(calls.stand_in(path, first), "") << path;
}

TEST_F(MachineCallsTest, FindsTheFileNamesArgument) {
    EXPECT_EQ(redirected_argument(SYS_access), 0);
    EXPECT_EQ(redirected_argument(SYS_openat), 1);
    EXPECT_EQ(redirected_argument(SYS_unlink), -1);
}

TEST_F(MachineCallsTest, ThreadsMayRunOnAllCpusAtFirst) { EXPECT_EQ(calls.affinity(first), CpuMask(0b1111)); }

TEST_F(MachineCallsTest, AffinityIsCutToTheMachinesCpusAndInherited) {
    EXPECT_EQ(calls.set_affinity(first, CpuMask(0b110100)), 0);
    EXPECT_EQ(calls.affinity(first), CpuMask(0b0100));
    calls.on_birth(first, second);
    EXPECT_EQ(calls.affinity(second), CpuMask(0b0100));
    EXPECT_EQ(calls.set_affinity(second, CpuMask(0b0011)), 0);
    EXPECT_EQ(calls.affinity(first), CpuMask(0b0100));
}

TEST_F(MachineCallsTest, RefusesAnAffinityWithoutCpus) {
    EXPECT_EQ(calls.set_affinity(first, CpuMask(0b110000)), -EINVAL);
    EXPECT_EQ(calls.affinity(first), CpuMask(0b1111));
}

TEST_F(MachineCallsTest, ThreadsTakeTheirCpusInTurn) {
    calls.on_birth(first, second);
    calls.on_birth(first, third);
    EXPECT_EQ(calls.cpu_of(first), 0U);
    EXPECT_EQ(calls.cpu_of(second), 1U);
    EXPECT_EQ(calls.cpu_of(third), 2U);
    EXPECT_EQ(calls.set_affinity(third, CpuMask(0b1100)), 0);
    EXPECT_EQ(calls.cpu_of(third), 2U);
    EXPECT_EQ(calls.set_affinity(third, CpuMask(0b1000)), 0);
    EXPECT_EQ(calls.cpu_of(third), 3U);
}

TEST_F(MachineCallsTest, ForgetsAThreadThatHasEnded) {
    EXPECT_EQ(calls.set_affinity(first, CpuMask(0b0001)), 0);
    calls.on_end(first);
    EXPECT_EQ(calls.affinity(first), CpuMask(0b1111));
}

TEST_F(MachineCallsTest, BeginWhereTheProgramMayRun) {
    MachineCalls placed{{.folder = {}, .node_of_cpu = {0, 0, 1, 1}, .allowed = CpuMask(0b10110)}};
    EXPECT_EQ(placed.affinity(first), CpuMask(0b0110));
    EXPECT_EQ(placed.cpu_of(first), 1U);
    EXPECT_EQ(placed.set_affinity(first, CpuMask(0b1000)), 0); // as after taskset, it may leave
    EXPECT_EQ(placed.affinity(first), CpuMask(0b1000));
}

} // namespace
} // namespace pagewalk::workloads
