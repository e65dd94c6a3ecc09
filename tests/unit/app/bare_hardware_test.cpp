#include "app/bare_hardware.h"
#include "base/config_file.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

class BareHardwareTest : public testing::Test {
protected:
    BareHardwareTest() {
        const std::vector<std::string> settings{"machine.cpus=2", "machine.sockets=2", "machine.memory=1GiB",
                                                "cxl.memory=256MiB"};
        apply_settings(settings, config.options);
        config.validate();
    }
    SystemConfig config;
};

TEST_F(BareHardwareTest, PlacesOfANodeAreItsOwnAndDoNotOverlap) {
    BareHardware hardware(config);
    const models::NumaMap map = numa_map(config.os.memory);
    for (const unsigned node : {0U, 1U, 2U}) {
        const auto id = static_cast<NodeId>(node);
        const PhysAddr first = hardware.take(id, 3ULL << 20), second = hardware.take(id, 1);
        EXPECT_GE(second, first + (3ULL << 20));
        EXPECT_EQ(map.node_of(first), id);
        EXPECT_EQ(map.node_of(second), id);
        EXPECT_EQ(first.value() % (2ULL << 20), 0U);
    }
    EXPECT_THROW((void)hardware.take(NodeId{2}, 1ULL << 30), ConfigError);
}

TEST_F(BareHardwareTest, TranslatesWhatWasMapped) {
    BareHardware hardware(config);
    const PhysAddr place = hardware.take(NodeId{1}, 4ULL << 20);
    constexpr VirtAddr small{0x10'0000'0000}, large{0x20'0000'0000};
    hardware.map(small, place, 4ULL << 20, models::PageSize::Page4K);
    hardware.map(large, place, 4ULL << 20, models::PageSize::Page2M);
    for (const std::uint64_t offset : {0ULL, 0x1234ULL, 0x3f'ffc0ULL})
        for (const VirtAddr space : {small, large})
            EXPECT_EQ(hardware.mmu(CpuId{1}).translate_load(space + offset, Cycles(0)).address,
                      place + offset);
    EXPECT_TRUE(hardware.mmu(CpuId{0}).translate_load(small + (4ULL << 20), Cycles(0)).faulted());
}

TEST_F(BareHardwareTest, CountsWhatEveryDramMoves) {
    BareHardware hardware(config);
    for (const unsigned node : {0U, 1U, 2U})
        (void)hardware.caches(CpuId{0}).load(hardware.take(static_cast<NodeId>(node), 64), Cycles(0),
                                             VirtAddr());
    EXPECT_EQ(hardware.dram_bytes(), 3U * 64);
}

} // namespace
} // namespace pagewalk::app
