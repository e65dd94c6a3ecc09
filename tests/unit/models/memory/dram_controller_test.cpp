#include "base/rng.h"
#include "models/memory/dram_controller.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// DDR4-3200 22-22-22: tCK 625 ps, CL = RCD = RP = 13.75 ns, burst 2.5 ns. No controller latency, no hashing,
/// so that places can be chosen by address.
DramConfig plain() {
    DramConfig config;
    config.controller_latency = Tick(0);
    config.bank_hash = false;
    return config;
}

constexpr std::uint64_t clocks(std::uint64_t n) { return n * 625; }
constexpr std::uint64_t quiet = 1'000'000; // between refreshes 0 and 1

/// Default geometry: 4 bank groups, 128 columns, 4 banks, then rows.
PhysAddr at(std::uint64_t row, std::uint64_t bank, std::uint64_t column, std::uint64_t group) {
    return PhysAddr((((row * 4 + bank) * 128 + column) * 4 + group) * 64);
}

Tick read(DramController& dram, PhysAddr address, std::uint64_t time) {
    return dram.access({address, CpuId{0}, AccessKind::Load, Tick(time)});
}

void write(DramController& dram, PhysAddr address, std::uint64_t time) {
    dram.access({address, CpuId{0}, AccessKind::WriteBack, Tick(time)});
}

TEST(DramController, IdleReadOfClosedBankTakesActivateColumnAndBurst) {
    DramController dram(plain());
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet).value(), quiet + clocks(22 + 22 + 4));
    EXPECT_EQ(dram.stats().row_misses, 1U);
}

TEST(DramController, ControllerLatencyAddsToEveryRead) {
    DramConfig config = plain();
    config.controller_latency = Tick(10'001);
    DramController dram(config);
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet).value(), quiet + clocks(22 + 22 + 4) + 10'001);
}

TEST(DramController, RowHitTakesColumnAndBurst) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(0, 0, 1, 0), 2 * quiet).value(), 2 * quiet + clocks(22 + 4));
    EXPECT_EQ(dram.stats().row_hits, 1U);
}

TEST(DramController, RowConflictPrechargesFirst) {
    DramController dram(plain());
    read(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(1, 0, 0, 0), 2 * quiet).value(), 2 * quiet + clocks(22 + 22 + 22 + 4));
    EXPECT_EQ(dram.stats().row_conflicts, 1U);
}

TEST(DramController, ReadOfAQueuedWriteIsForwarded) {
    DramController dram(plain());
    write(dram, at(0, 0, 0, 0), quiet);
    EXPECT_EQ(read(dram, at(0, 0, 0, 0), quiet + 1).value(), quiet + 1);
    EXPECT_EQ(dram.stats().forwarded, 1U);
}

} // namespace
} // namespace pagewalk::models
