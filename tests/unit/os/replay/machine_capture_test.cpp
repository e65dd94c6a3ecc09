#include "base/error.h"
#include "base/scratch_folder.h"
#include "os/page/boot.h"
#include "os/replay/machine_capture.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

namespace fs = std::filesystem;

class CapturedMachines : public testing::Test {
protected:
    CapturedMachines() {
        write("dmesg", "Early memory node ranges\n"
                       "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
                       "  node   0: [mem 0x0000000000100000-0x000000003fffffff]\n"
                       "  node   1: [mem 0x0000000040000000-0x000000007fffffff]\n"
                       "RAMDISK: [mem 0x7fa00000-0x7fafffff]\n"
                       "setup_percpu: NR_CPUS:64 nr_cpumask_bits:2 nr_cpu_ids:2 nr_node_ids:2\n"
                       "Kernel command line: quiet movablecore=256M\n"
                       "Freeing initrd memory: 1024K\n"
                       "Freeing unused kernel image (initmem) memory: 64K\n");
        write("iomem", "  01000000-01ffffff : Kernel code\n"
                       "  02000000-022fffff : Kernel rodata\n"
                       "  02300000-023fffff : Kernel data\n"
                       "  02500000-027fffff : Kernel bss\n");
        write("node_and_misc",
              "node0 distance: 10 21\nnode0 cpulist: 0\nnode1 distance: 21 10\nnode1 cpulist: 1\n");
        write("zoneinfo", zoneinfo(3840, 240'000, 200'000));
        write("proc_sys_vm", "watermark_scale_factor = 20\nmin_free_kbytes = 1\n");
    }

    static std::string zoneinfo(int dma, int node_0, int node_1) {
        return "Node 0, zone      DMA\n        managed  " + std::to_string(dma) +
               "\nNode 0, zone    DMA32\n        managed  " + std::to_string(node_0) +
               "\nNode 0, zone  Movable\n        managed  1000\nNode 1, zone    DMA32\n        managed  " +
               std::to_string(node_1) + "\nNode 1, zone  Movable\n        managed  30000\n";
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(m_folder / name) << text;
    }

    ScratchFolder m_folder;
};

TEST_F(CapturedMachines, AreReadFromTheirOwnFiles) {
    write("zoneinfo",
          "Node 0, zone      DMA\n        managed  3840\nNode 0, zone    DMA32\n        managed  200000\n"
          "Node 0, zone  Movable\n        managed  30000\nNode 1, zone    DMA32\n        managed  220000\n"
          "Node 1, zone  Movable\n        managed  30000\n");
    const CapturedMachine machine = machine_from_capture(CaptureFiles(m_folder.path().string()));
    EXPECT_EQ(machine.map.usable.size(), 3u);
    EXPECT_EQ(machine.map.cpus[CpuId{1}], NodeId{1});
    EXPECT_EQ(machine.map.distance(NodeId{0}, NodeId{1}), 21u);
    EXPECT_EQ(machine.map.movablecore_bytes, 256ULL << 20);
    EXPECT_EQ(machine.settings.watermark_scale_factor, 20u);
    EXPECT_EQ(machine.settings.min_free_kbytes, -1); // computed, not believed
    ASSERT_EQ(machine.map.freed_late.size(), 2u);
    EXPECT_EQ(machine.map.freed_late[0].begin, PhysAddr(0x7fa00000));
    const auto allocator = boot_page_allocator(machine.map, machine.settings);
    EXPECT_EQ(allocator->find_zone(NodeId{0}, ZoneType::Dma)->managed, 3840u);
    EXPECT_EQ(allocator->find_zone(NodeId{0}, ZoneType::Dma32)->managed, 200'000u);
    EXPECT_EQ(allocator->find_zone(NodeId{1}, ZoneType::Dma32)->managed, 220'000u);
    EXPECT_EQ(allocator->find_zone(NodeId{1}, ZoneType::Movable)->managed, 30'000u);
}

TEST_F(CapturedMachines, PercentagesOfTheCommandLineAreOfAllMemory) {
    const auto with = [this](const std::string& parameter) {
        std::ifstream in(m_folder / "dmesg");
        std::string dmesg{std::istreambuf_iterator<char>(in), {}};
        const std::size_t at = dmesg.find("quiet");
        dmesg.replace(at, dmesg.find('\n', at) - at, "quiet " + parameter);
        write("dmesg", dmesg);
        return machine_from_capture(CaptureFiles(m_folder.path().string())).map;
    };
    write("zoneinfo",
          "Node 0, zone      DMA\n        managed  3840\nNode 0, zone    DMA32\n        managed  100000\n"
          "Node 0, zone  Movable\n        managed  100000\nNode 1, zone    DMA32\n        managed  100000\n"
          "Node 1, zone  Movable\n        managed  100000\n");
    constexpr std::uint64_t pages = (0x9f - 0x1) + (0x40000 - 0x100) + 0x40000;
    EXPECT_EQ(with("kernelcore=50%").kernelcore_bytes, pages * 50 / 100 * page_size);
    EXPECT_EQ(with("kernelcore=50%").movablecore_bytes, std::nullopt);
    try {
        (void)with("kernelcore=mirror");
        ADD_FAILURE() << "accepted";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("kernelcore=mirror is not modelled"), std::string::npos);
    }
}

TEST_F(CapturedMachines, NumbersOfNodesMayHaveHoles) {
    write("dmesg", "Early memory node ranges\n"
                   "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
                   "  node   0: [mem 0x0000000000100000-0x000000003fffffff]\n"
                   "  node   2: [mem 0x0000000040000000-0x000000007fffffff]\n"
                   "setup_percpu: NR_CPUS:64 nr_cpumask_bits:2 nr_cpu_ids:2 nr_node_ids:3\n");
    write("node_and_misc",
          "node0 distance: 10 31\nnode0 cpulist: 0\nnode2 distance: 31 10\nnode2 cpulist: 1\n");
    write("zoneinfo",
          "Node 0, zone      DMA\n        managed  3840\nNode 0, zone    DMA32\n        managed  240000\n"
          "Node 2, zone    DMA32\n        managed  200000\n");
    const MemoryMap map = machine_from_capture(CaptureFiles(m_folder.path().string())).map;
    EXPECT_EQ(map.node_count(), 3u);
    EXPECT_EQ(map.distance(NodeId{0}, NodeId{2}), 31u);
    EXPECT_EQ(map.distance(NodeId{2}, NodeId{0}), 31u);
    EXPECT_EQ(map.distance(NodeId{0}, NodeId{1}), 20u);
}

TEST_F(CapturedMachines, NameTheFirmwaresRangesAsTheKernelChangedThem) {
    write("zoneinfo", zoneinfo(3840, 200'000, 220'000));
    std::ofstream(m_folder / "dmesg", std::ios::app)
        << "<6>[    0.0] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable\n"
           "<6>[    0.0] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved\n"
           "<6>[    0.0] BIOS-e820: [mem 0x0000000000100000-0x000000007fefffff] usable\n"
           "<6>[    0.0] BIOS-e820: [mem 0x000000007ff00000-0x000000007fffffff] ACPI data\n"
           "<7>[    0.0] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n"
           "<7>[    0.0] e820: remove [mem 0x000a0000-0x001fffff] usable\n";
    const MemoryMap map = machine_from_capture(CaptureFiles(m_folder.path().string())).map;
    std::vector<std::string> found;
    for (const PhysicalResource& resource : map.resources)
        found.push_back(resource.name + " " + std::to_string(resource.range.begin.value() >> 12));
    EXPECT_EQ(found, (std::vector<std::string>{"System RAM 1", "Reserved 159", "System RAM 512",
                                               "ACPI Tables 524032", "Reserved 0", "Kernel code 4096",
                                               "Kernel rodata 8192", "Kernel data 8960", "Kernel bss 9472"}));
}

TEST_F(CapturedMachines, MissingOrContradictoryFilesAreNamed) {
    const auto error_of = [this]() -> std::string {
        try {
            (void)machine_from_capture(CaptureFiles(m_folder.path().string()));
        } catch (const InputError& error) {
            return error.what();
        }
        return "accepted";
    };
    write("zoneinfo", zoneinfo(999'999, 1, 1));
    EXPECT_NE(error_of().find("zoneinfo and dmesg disagree"), std::string::npos);
    write("iomem", "");
    EXPECT_NE(error_of().find("kernel's image"), std::string::npos);
    write("dmesg", "");
    EXPECT_NE(error_of().find("Early memory node ranges"), std::string::npos);
    fs::remove(m_folder / "dmesg");
    EXPECT_NE(error_of().find("has no file dmesg"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
