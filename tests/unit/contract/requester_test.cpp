#include "contract/requester.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

TEST(RequesterId, CpuAndDeviceOfTheSameNumberAreTwo) {
    for (const std::uint16_t number : std::array<std::uint16_t, 4>{0, 1, 255, 65535}) {
        const RequesterId cpu = CpuId{number}, device = DeviceId{number};
        EXPECT_FALSE(cpu.is_device());
        EXPECT_EQ(cpu.cpu(), CpuId{number});
        EXPECT_TRUE(device.is_device());
        EXPECT_EQ(device.device(), DeviceId{number});
        EXPECT_NE(cpu, device);
    }
}

} // namespace
} // namespace pagewalk
