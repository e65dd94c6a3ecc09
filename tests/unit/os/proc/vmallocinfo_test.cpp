#include "os/proc/vmallocinfo.h"
#include "tests/support/vmalloc_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

class Vmallocinfo : public testing::Test {
protected:
    Vmalloc& vmalloc() { return machine.vmalloc; }
    std::string text() const { return vmallocinfo_text(machine.vmalloc); }

    VmallocMachine machine{vmalloc_memory(128 * mib, 2, 2)};
};

TEST_F(Vmallocinfo, IsEmptyAtFirst) { EXPECT_EQ(text(), ""); }

TEST_F(Vmallocinfo, DescribesEachKindOfArea) {
    const std::vector<Pfn> frames(4, Pfn(100));
    ASSERT_TRUE(vmalloc().map(frames, {.caller = "irq_init_percpu_irqstack+0xf0/0x120"}));
    ASSERT_TRUE(vmalloc().map_io(PhysAddr(0x1ffe1000), 4096, {.caller = "acpi_os_map_iomem+0x1b6/0x1d0"}));
    ASSERT_TRUE(vmalloc().allocate({.size = 4 * page_size,
                                    .align = 4 * page_size,
                                    .cpu = CpuId{1},
                                    .caller = "kernel_clone+0xbf/0x430"}));
    ASSERT_TRUE(vmalloc().allocate({.size = page_size, .flags = vm_flag::usermap}));
    EXPECT_EQ(text(),
              "0xffffc90000000000-0xffffc90000005000   20480 irq_init_percpu_irqstack+0xf0/0x120 vmap\n"
              "0xffffc90000005000-0xffffc90000007000    8192 acpi_os_map_iomem+0x1b6/0x1d0 "
              "phys=0x000000001ffe1000 ioremap\n"
              "0xffffc90000008000-0xffffc9000000d000   20480 kernel_clone+0xbf/0x430 pages=4 vmalloc "
              "N1=4\n"
              "0xffffc9000000d000-0xffffc9000000f000    8192 pages=1 vmalloc user N0=1\n");
}

TEST_F(Vmallocinfo, MarksAreasWhosePageListIsInVmalloc) {
    ASSERT_TRUE(
        vmalloc().allocate({.size = 4 * mib, .node = NodeId{1}, .caller = "gt_init+0xe2/0x1000 [gt]"}));
    EXPECT_EQ(text(),
              "0xffffc90000000000-0xffffc90000401000 4198400 gt_init+0xe2/0x1000 [gt] pages=1024 "
              "vmalloc vpages N1=1024\n"
              "0xffffc90000401000-0xffffc90000404000   12288 gt_init+0xe2/0x1000 [gt] pages=2 vmalloc "
              "N1=2\n");
}

TEST_F(Vmallocinfo, CountsHugePagesOnTheirNodes) {
    ASSERT_TRUE(vmalloc().allocate(
        {.size = 2 * mib, .node = NodeId{1}, .flags = vm_flag::allow_huge, .caller = "x"}));
    EXPECT_NE(text().find(" 2101248 x pages=512 vmalloc N1=512\n"), std::string::npos);
}

TEST_F(Vmallocinfo, ListsWhatWaitsForThePurgeBehindTheLastArea) {
    const VirtAddr first = machine.take(page_size);
    machine.take(page_size);
    ASSERT_TRUE(vmalloc().map_ram(std::vector<Pfn>(1, Pfn(100)), NodeId{}, CpuId{}));
    vmalloc().free(first, CpuId{});
    EXPECT_EQ(text(), "0xffffc90000002000-0xffffc90000004000    8192 pages=1 vmalloc N0=1\n"
                      "0xffffc90000100000-0xffffc90000200000 1048576 vm_map_ram\n"
                      "0xffffc90000000000-0xffffc90000002000    8192 unpurged vm_area\n");
}

} // namespace
} // namespace pagewalk::os
