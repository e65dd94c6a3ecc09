#include "os/file/disk.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(Disk, TakesLatencyAndTransfer) {
    Disk disk({.latency = Tick(1000), .bandwidth = 1'000'000'000'000}); // a byte a tick
    EXPECT_EQ(disk.read(Tick(50), 4096), Tick(50 + 4096 + 1000));
}

TEST(Disk, SendsOneRequestsDataAfterTheOther) {
    Disk disk({.latency = Tick(1000), .bandwidth = 1'000'000'000'000});
    EXPECT_EQ(disk.read(Tick(0), 4096), Tick(5096));
    EXPECT_EQ(disk.read(Tick(0), 4096), Tick(2 * 4096 + 1000));
    EXPECT_EQ(disk.read(Tick(100'000), 4096), Tick(100'000 + 5096));
}

} // namespace
} // namespace pagewalk::os
