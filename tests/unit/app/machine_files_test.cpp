#include "app/machine_files.h"
#include "base/config_file.h"
#include "base/scratch_folder.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Four CPUs, two nodes; written once.
class MachineFiles : public testing::Test {
protected:
    static void SetUpTestSuite() {
        s_built = std::make_unique<Built>();
        const std::vector<std::string> settings{"machine.cpus=4", "machine.sockets=2",
                                                "machine.memory=256MiB", "machine.distances=10,17;17,10"};
        apply_settings(settings, s_built->config.options);
        s_built->config.validate();
        s_built->kernel = std::make_unique<os::Kernel>(s_built->config.os, s_built->tables);
        s_built->seen = write_machine_files(s_built->folder.path(), s_built->config, *s_built->kernel);
    }
    static void TearDownTestSuite() { s_built.reset(); }

    static std::string text(const std::string& name) {
        std::ifstream file(s_built->folder / name);
        EXPECT_TRUE(file.is_open()) << name;
        return {std::istreambuf_iterator<char>(file), {}};
    }

    struct Built {
        ScratchFolder folder;
        SystemConfig config;
        PageTableMemory tables;
        std::unique_ptr<os::Kernel> kernel;
        workloads::SeenMachine seen;
    };
    static inline std::unique_ptr<Built> s_built;
};

TEST_F(MachineFiles, CountCpusAndMemory) {
    EXPECT_EQ(s_built->seen.node_of_cpu.size(), 4);
    EXPECT_LT(s_built->seen.memory, 256ULL << 20);
    EXPECT_GT(s_built->seen.memory, s_built->seen.free);
    EXPECT_GT(s_built->seen.free, 128ULL << 20);
    EXPECT_THAT(text("proc/meminfo"),
                HasSubstr(std::to_string(s_built->seen.memory / 1024) + " kB\nMemFree:"));
}

TEST_F(MachineFiles, ShowCpus) {
    EXPECT_EQ(text("sys/devices/system/cpu/online"), "0-3\n");
    EXPECT_THAT(text("proc/cpuinfo"), HasSubstr("processor\t: 3\n"));
    EXPECT_THAT(text("proc/cpuinfo"), testing::Not(HasSubstr("processor\t: 4\n")));
    EXPECT_THAT(text("proc/stat"), StartsWith("cpu  0 0"));
    EXPECT_THAT(text("proc/stat"), HasSubstr("\ncpu3 0 0"));
}

TEST_F(MachineFiles, ShowEachNode) {
    EXPECT_EQ(text("sys/devices/system/node/online"), "0-1\n");
    EXPECT_EQ(text("sys/devices/system/node/node1/distance"), "17 10\n");
    EXPECT_EQ(text("sys/devices/system/node/node1/cpulist"), "2-3\n");
    EXPECT_EQ(text("sys/devices/system/node/node1/cpumap"), "0000000c\n");
    EXPECT_THAT(text("sys/devices/system/node/node1/meminfo"), StartsWith("Node 1 MemTotal:"));
    EXPECT_EQ(text("sys/devices/system/cpu/cpu0/node0/cpu0/topology/physical_package_id"), "0\n");
}

TEST_F(MachineFiles, ShowCaches) {
    EXPECT_EQ(text("sys/devices/system/cpu/cpu1/cache/index2/level"), "2\n");
    const auto& l2 = s_built->config.caches.l2;
    EXPECT_EQ(text("sys/devices/system/cpu/cpu1/cache/index2/size"),
              std::to_string(l2.lines() * 64 / 1024) + "K\n");
}

TEST(MachineFilesOfClusters, AreOneSocketsSiblings) {
    ScratchFolder folder;
    SystemConfig config;
    const std::vector<std::string> settings{"machine.cpus=8", "machine.sockets=2", "machine.clusters=2",
                                            "machine.memory=256MiB"};
    apply_settings(settings, config.options);
    config.validate();
    PageTableMemory tables;
    const os::Kernel kernel(config.os, tables);
    (void)write_machine_files(folder.path(), config, kernel);
    const auto text = [&](const std::string& name) {
        std::ifstream file(folder / name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    EXPECT_EQ(text("sys/devices/system/node/online"), "0-3\n");
    EXPECT_EQ(text("sys/devices/system/node/node2/cpulist"), "4-5\n");
    EXPECT_EQ(text("sys/devices/system/cpu/cpu5/topology/physical_package_id"), "1\n");
    EXPECT_EQ(text("sys/devices/system/cpu/cpu5/topology/core_siblings_list"), "4-7\n");
    EXPECT_EQ(text("sys/devices/system/cpu/cpu5/cache/index3/shared_cpu_list"), "4-5\n");
    EXPECT_THAT(text("proc/cpuinfo"), HasSubstr("physical id\t: 1\nsiblings\t: 4\ncore id\t\t: 3\n"));
}

} // namespace
} // namespace pagewalk::app
