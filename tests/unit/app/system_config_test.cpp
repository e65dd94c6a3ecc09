#include "app/system_config.h"
#include "base/config_file.h"
#include "base/error.h"
#include "base/scratch_folder.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The message that these settings, or validate() after them, give; empty if they are accepted.
std::string refusal(std::initializer_list<std::string> settings) {
    SystemConfig config;
    const std::vector<std::string> list(settings);
    try {
        apply_settings(list, config.options);
        config.validate();
    } catch (const ConfigError& error) {
        return error.what();
    }
    return {};
}

TEST(SystemConfig, DefaultsAreAMachine) { EXPECT_EQ(refusal({}), ""); }

TEST(SystemConfig, WantsANicWhereAGeneratorReceivesOrSends) {
    const std::string alone = "workload.synthetic=net_receive";
    EXPECT_THAT(refusal({"workload.kind=synthetic", alone}), HasSubstr("wants a NIC: set nic.rate"));
    EXPECT_EQ(refusal({"workload.kind=synthetic", alone, "nic.rate=1G"}), "");
    EXPECT_THAT(refusal({"program.2.synthetic=net_send"}), HasSubstr("program.2.synthetic = net_send"));
}

TEST(SystemConfig, EveryOptionIsExplained) {
    const SystemConfig config;
    EXPECT_GT(config.options.all().size(), 150U);
    for (const Option& option : config.options.all()) {
        EXPECT_FALSE(option.text.meaning.empty()) << option.key;
        EXPECT_FALSE(option.text.source.empty()) << option.key;
        EXPECT_FALSE(option.allowed.empty()) << option.key;
        EXPECT_EQ(option.text.meaning.find('\n'), std::string::npos) << option.key;
    }
}

TEST(SystemConfig, EveryDefaultIsAllowed) {
    SystemConfig config;
    const std::vector<Option> options = config.options.all();
    for (const Option& option : options)
        EXPECT_NO_THROW(config.options.set(option.key, option.default_text, "test"))
            << option.key << " = " << option.default_text;
}

TEST(SystemConfig, ResolvedTextLoadsBackTheSame) {
    SystemConfig first;
    const std::vector<std::string> settings{"machine.cpus=6", "machine.sockets=2", "core.rob_entries=77",
                                            "run.quantum=3us", "workload.program=sh -c 'exit 1'"};
    apply_settings(settings, first.options);
    const ScratchFolder folder;
    const std::filesystem::path file = folder / "resolved.cfg";
    std::ofstream(file) << first.options.resolved();
    SystemConfig second;
    load_config_file(file, second.options);
    EXPECT_EQ(second.options.resolved(), first.options.resolved());
    EXPECT_EQ(second.workload.program, "sh -c 'exit 1'");
}

/// Sets one option alone; false where its range refuses the value. Cross-field checks may throw ConfigError.
bool takes(const std::string& key, const std::string& value) {
    SystemConfig config;
    try {
        config.options.set(key, value, "test");
    } catch (const ConfigError&) {
        return false;
    }
    try {
        config.validate();
    } catch (const ConfigError&) {
    }
    return true;
}

TEST(SystemConfig, EveryNumberTakesTheEndsOfItsRangeAndNothingBeyond) {
    static const std::regex range("(\\S+) to ([^ ,]+)(, a power of two)?");
    const SystemConfig declared;
    std::size_t ranges = 0;
    for (const Option& option : declared.options.all()) {
        std::smatch match;
        if (!std::regex_match(option.allowed, match, range)) continue;
        ++ranges;
        const Unit unit = option.text.unit;
        const auto text = [unit](std::uint64_t value) {
            return std::to_string(value) + (unit == Unit::Ticks ? "ps" : "");
        };
        const auto least = parse_quantity(match[1].str(), unit);
        const auto most = parse_quantity(match[2].str(), unit);
        ASSERT_TRUE(least && most) << option.key << ": " << option.allowed;
        const bool doubles = match[3].matched;
        EXPECT_TRUE(takes(option.key, text(*least))) << option.key;
        EXPECT_TRUE(takes(option.key, text(*most))) << option.key;
        EXPECT_FALSE(takes(option.key, text(doubles ? *most * 2 : *most + 1))) << option.key;
        if (*least == 0) continue;
        EXPECT_FALSE(takes(option.key, text(doubles ? *least / 2 : *least - 1))) << option.key;
    }
    EXPECT_GT(ranges, 100U);
}

TEST(SystemConfig, MemoryHasAMostAndEveryNodeALeast) {
    EXPECT_EQ(refusal({"machine.memory=15TiB"}), "");
    EXPECT_THAT(refusal({"machine.memory=16TiB"}), HasSubstr("128MiB to 15TiB"));
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.cpus=2", "machine.node_memory=8TiB,8TiB"}),
                HasSubstr("15TiB together"));
    EXPECT_EQ(refusal({"machine.sockets=64", "machine.cpus=64", "machine.memory=1GiB"}), "");
    EXPECT_THAT(refusal({"machine.sockets=64", "machine.cpus=64", "machine.memory=128MiB"}),
                testing::AllOf(HasSubstr("64 nodes"), HasSubstr("at least 16MiB")));
}

TEST(SystemConfig, ACxlExpanderIsANodeWithoutCpus) {
    SystemConfig config;
    config.options.set("machine.sockets", "2", "test");
    config.options.set("cxl.memory", "1GiB", "test");
    config.options.set("cxl.socket", "1", "test");
    config.options.set("workload.mempolicy", "bind:2", "test");
    config.validate();
    EXPECT_EQ(config.nodes(), 3U);
    EXPECT_EQ(config.os.memory.node_count(), 3U);
    for (const NodeId node : config.os.memory.cpus) EXPECT_NE(node, NodeId{2});
    EXPECT_THAT(refusal({"cxl.memory=1GiB", "cxl.socket=1"}), HasSubstr("cxl.socket"));
    EXPECT_THAT(refusal({"cxl.memory=1GiB", "machine.distances=10"}), HasSubstr("2 rows of 2"));
}

TEST(SystemConfig, DramTimingsNameWhatIsWrong) {
    EXPECT_THAT(refusal({"dram.timing.data_rate=1"}), HasSubstr("dram.timing.data_rate = 1: allowed"));
    EXPECT_THAT(refusal({"dram.timing.t_rfc=10us"}), HasSubstr("dram.timing.t_rfc = 10us"));
}

TEST(SystemConfig, ATimeSliceIsLongerThanSwitchingTakes) {
    EXPECT_THAT(refusal({"os.time_slice=99us"}), HasSubstr("100us to 1s"));
    EXPECT_EQ(refusal({"os.time_slice=100us"}), "");
}

TEST(SystemConfig, AScratchFolderExcludesANamedOne) {
    EXPECT_THAT(refusal({"workload.scratch=on", "workload.directory=/"}), HasSubstr("workload.directory"));
    EXPECT_EQ(refusal({"workload.scratch=on"}), "");
}

TEST(SystemConfig, CpusMustBeDealtEvenlyToNodes) {
    EXPECT_THAT(
        refusal({"machine.cpus=3", "machine.sockets=2"}),
        testing::AllOf(HasSubstr("machine.cpus = 3"), HasSubstr("machine.sockets x machine.clusters = 2")));
    EXPECT_EQ(refusal({"machine.cpus=4", "machine.sockets=2"}), "");
    EXPECT_EQ(refusal({"machine.cpus=1", "machine.sockets=2"}), ""); // node 1 is memory alone
    EXPECT_THAT(refusal({"machine.cpus=6", "machine.sockets=2", "machine.clusters=2"}),
                HasSubstr("machine.sockets x machine.clusters = 4"));
}

TEST(SystemConfig, ClustersAreNodesOfWhichTheKernelKnows64) {
    SystemConfig config;
    apply_settings(std::vector<std::string>{"machine.cpus=8", "machine.sockets=2", "machine.clusters=2",
                                            "cxl.memory=1GiB", "cxl.socket=1"},
                   config.options);
    config.validate();
    EXPECT_EQ(config.nodes(), 5U);
    EXPECT_EQ(config.os.memory.cpus[CpuId{5}], NodeId{2});
    EXPECT_EQ(refusal({"machine.cpus=64", "machine.sockets=16", "machine.clusters=4"}), "");
    EXPECT_THAT(refusal({"machine.cpus=64", "machine.sockets=32", "machine.clusters=4"}),
                HasSubstr("machine.clusters"));
    EXPECT_THAT(refusal({"machine.cpus=64", "machine.sockets=16", "machine.clusters=4", "cxl.memory=1GiB"}),
                HasSubstr("cxl.memory"));
}

TEST(SystemConfig, FirstTouchesAreInWalksWhereTheKernelTakesNoTime) {
    for (const auto& [frames, timing, expected] :
         {std::tuple{"4096", "off", 200U}, {"4096", "on", 0U}, {"0", "off", 0U}}) {
        SystemConfig config;
        config.options.set("mmu.champsim_fault", "200", "test");
        config.options.set("mmu.champsim_frames", frames, "test");
        config.options.set("os.timing", timing, "test");
        config.validate();
        EXPECT_EQ(config.cpu.mmu.first_touch, Cycles(expected)) << frames << timing;
        EXPECT_EQ(config.options.find("mmu.champsim_fault")->get(), "200") << "what was set is kept";
    }
}

TEST(SystemConfig, CacheSetsMustBeAPowerOfTwo) {
    EXPECT_THAT(refusal({"cache.l1d.capacity=100KiB"}), HasSubstr("l1d"));
    EXPECT_THAT(refusal({"llc.capacity=100KiB"}), HasSubstr("llc"));
}

TEST(SystemConfig, RefusalsSayWhereTheValueWasSet) {
    SystemConfig config;
    config.options.set("machine.cpus", "3", "machine.cfg:7");
    config.options.set("machine.sockets", "2", "machine.cfg:8");
    EXPECT_THAT([&] { config.validate(); }, testing::ThrowsMessage<ConfigError>(HasSubstr("machine.cfg:7")));
}

TEST(MachineConfig, SharesMemoryEquallyAmongNodes) {
    SystemConfig config;
    config.options.set("machine.sockets", "2", "test");
    config.options.set("machine.memory", "3GiB", "test");
    EXPECT_THAT(config.machine.node_bytes(config.options), ElementsAre(3ULL << 29, 3ULL << 29));
}

TEST(MachineConfig, TakesMemoryOfEachNode) {
    SystemConfig config;
    config.options.set("machine.sockets", "2", "test");
    config.options.set("machine.node_memory", "1GiB,512MiB", "test");
    EXPECT_THAT(config.machine.node_bytes(config.options), ElementsAre(1ULL << 30, 1ULL << 29));
}

TEST(MachineConfig, RefusesNodesThatDoNotFit) {
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.node_memory=1GiB"}), HasSubstr("machine.node_memory"));
    EXPECT_THAT(refusal({"machine.node_memory=1MiB"}), HasSubstr("multiple of 2MiB"));
    EXPECT_THAT(refusal({"machine.node_memory=big"}), HasSubstr("machine.node_memory"));
    EXPECT_THAT(refusal({"machine.node_memory=1GiB,"}), HasSubstr("machine.node_memory"));
    EXPECT_THAT(refusal({"machine.memory=129MiB"}), HasSubstr("machine.memory"));
}

TEST(MachineConfig, ReadsADistanceTable) {
    SystemConfig config;
    config.options.set("machine.sockets", "2", "test");
    config.options.set("machine.distances", "10,21; 31,10", "test");
    config.validate();
    EXPECT_EQ(config.os.memory.distance(NodeId{0}, NodeId{1}), 21U);
    EXPECT_EQ(config.os.memory.distance(NodeId{1}, NodeId{0}), 31U);
}

TEST(MachineConfig, RefusesDistancesThatAcpiWouldNotHave) {
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.distances=10,21"}), HasSubstr("2 rows of 2"));
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.distances=10,10;21,10"}), HasSubstr("11 to 254"));
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.distances=10,near;21,10"}), HasSubstr("'near'"));
    EXPECT_THAT(refusal({"machine.sockets=2", "machine.distances=20,21;21,10"}), HasSubstr("'20'"));
}

TEST(MachineConfig, CommandLineAndLayoutReachTheMemoryMap) {
    SystemConfig config;
    config.options.set("machine.layout", "i386", "test");
    config.options.set("machine.lowmem", "880MiB", "test");
    config.options.set("machine.movablecore", "1GiB", "test");
    config.options.set("machine.firmware", "pc", "test");
    config.validate();
    EXPECT_EQ(config.os.memory.layout, os::ZoneLayout::I386);
    EXPECT_EQ(config.os.memory.lowmem_bytes, 880ULL << 20);
    EXPECT_EQ(config.os.memory.movablecore_bytes, 1ULL << 30);
    EXPECT_FALSE(config.os.memory.kernelcore_bytes.has_value());
    EXPECT_EQ(config.os.memory.usable[0].end, PhysAddr(0x9fc00));
}

TEST(MachineConfig, RefusesContradictions) {
    EXPECT_THAT(refusal({"machine.movablecore=1GiB", "machine.kernelcore=1GiB"}),
                HasSubstr("excludes machine.kernelcore"));
    EXPECT_THAT(refusal({"machine.layout=i386", "machine.sockets=2"}), HasSubstr("one node"));
}

TEST(SystemConfig, SeedReachesTheGenerators) {
    SystemConfig config;
    config.options.set("run.seed", "42", "test");
    config.validate();
    EXPECT_EQ(config.synthetic.common.seed, 42U);
}

TEST(SystemConfig, ShippedConfigurationsLoad) {
    std::size_t files = 0;
    for (const char* folder : {"machines", "experiments"})
        for (const auto& entry : std::filesystem::directory_iterator(
                 std::filesystem::path(PAGEWALK_SOURCE_DIR) / "configs" / folder)) {
            if (entry.path().extension() != ".cfg") continue;
            SystemConfig config;
            EXPECT_NO_THROW({
                load_config_file(entry.path(), config.options);
                config.validate();
            }) << entry.path();
            ++files;
        }
    EXPECT_GE(files, 3U);
}

TEST(SystemConfig, ASectionOfAProgramWantsOneThingToRun) {
    EXPECT_THAT(refusal({"program.2.cpus=0"}),
                HasSubstr("[program.2] wants one of command, trace and synthetic"));
    EXPECT_THAT(refusal({"program.1.command=ls", "program.1.trace=x"}), HasSubstr("has several"));
    EXPECT_THAT(refusal({"program.1.trace=x", "program.1.input=y"}), HasSubstr("program.1.input = 'y'"));
    EXPECT_THAT(refusal({"program.1.synthetic=gups", "program.1.output=y"}), HasSubstr("program.1.output"));
    EXPECT_EQ(refusal({"program.1.command=ls", "program.1.output=y", "program.3.trace=x"}), "");
}

TEST(SystemConfig, AProgramRunsOnTheMachinesCpus) {
    EXPECT_THAT(refusal({"program.1.command=ls", "program.1.cpus=4"}),
                testing::AllOf(HasSubstr("program.1.cpus = '4'"), HasSubstr("0 to 3")));
    EXPECT_THAT(refusal({"program.1.command=ls", "program.1.start=7"}), HasSubstr("needs a unit"));
    SystemConfig config;
    const std::vector<std::string> settings{"program.1.command=ls", "program.1.cpus=1,3"};
    apply_settings(settings, config.options);
    config.validate();
    EXPECT_EQ(config.programs.at(1).allowed, CpuMask(0b1010));
}

TEST(SystemConfig, SectionsOfProgramsExcludeAnotherWorkload) {
    EXPECT_THAT(refusal({"program.1.command=ls", "workload.program=ls"}),
                HasSubstr("workload.program = 'ls'"));
    EXPECT_THAT(refusal({"program.1.command=ls", "workload.kind=trace"}), HasSubstr("workload.kind"));
    EXPECT_EQ(refusal({"program.1.command=ls", "workload.kind=program"}),
              ""); // as a stored configuration has it
}

TEST(SystemConfig, RefusesWhatOnlyOneCpuOrLessMemoryCanHave) {
    EXPECT_THAT(refusal({"cache.perfect_l2=on", "machine.cpus=2"}), HasSubstr("wants machine.cpus = 1"));
    EXPECT_EQ(refusal({"cache.perfect_l2=on", "machine.cpus=1"}), "");
    EXPECT_THAT(refusal({"mmu.champsim_frames=1048576", "machine.memory=2GiB"}),
                HasSubstr("is more than machine.memory has: 524288"));
    EXPECT_EQ(refusal({"mmu.champsim_frames=524288", "machine.memory=2GiB"}), "");
}

TEST(SystemConfig, ALimitOfSwapWantsSwap) {
    EXPECT_THAT(refusal({"program.2.command=ls", "program.2.swap_limit=1MiB"}),
                HasSubstr("program.2.swap_limit = 1MiB: has no effect without os.swap"));
    EXPECT_EQ(refusal({"workload.swap_limit=1MiB", "os.swap=64MiB"}), "");
}

TEST(SystemConfig, APomTlbWantsTheEndOfTheSocketsMemory) {
    EXPECT_THAT(refusal({"mmu.design=pom_tlb", "cxl.memory=1GiB"}),
                HasSubstr("mmu.design = pom_tlb: has its table at memory's end, which is the expander's"));
    EXPECT_EQ(refusal({"mmu.design=pom_tlb"}), "");
}

TEST(SystemConfig, AVirtualMachineWantsWalksAndTheEndOfTheSocketsMemory) {
    EXPECT_THAT(refusal({"mmu.vm.pages=4k", "cxl.memory=1GiB"}),
                HasSubstr("mmu.vm.pages = 4k: has its table"));
    EXPECT_THAT(refusal({"mmu.vm.pages=4k", "mmu.perfect=on"}),
                HasSubstr("is not possible with mmu.perfect"));
    EXPECT_EQ(refusal({"mmu.vm.pages=2m", "mmu.design=pom_tlb"}), "");
}

} // namespace
} // namespace pagewalk::app
