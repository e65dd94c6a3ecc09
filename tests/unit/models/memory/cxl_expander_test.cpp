#include "models/memory/cxl_expander.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// 16 GB/s: 1 ns a slot of 16 bytes.
CxlConfig slow() {
    CxlConfig config;
    config.link = {.latency = Tick(50'000), .bandwidth = 16'000'000'000};
    return config;
}

LineRequest read(std::uint64_t line, std::uint64_t time) {
    return {.line = PhysAddr(line * 64), .requester = {}, .kind = AccessKind::Load, .time = Tick(time)};
}

TEST(CxlExpander, ReadCrossesTheLinkTwiceAroundItsDram) {
    CxlExpander expander(slow());
    DramController alone(slow().dram);
    constexpr std::uint64_t there = 1'000 + 50'000;
    const Tick in_dram = alone.access(read(3, 10'000 + there));
    EXPECT_EQ(expander.access(read(3, 10'000)), in_dram + Tick(5'000 + 50'000));
}

TEST(CxlExpander, WriteIsAcceptedWithoutAnAnswer) {
    CxlExpander expander(slow());
    LineRequest write = read(3, 10'000);
    write.kind = AccessKind::WriteBack;
    const Tick accepted = expander.access(write);
    EXPECT_GE(accepted, Tick(10'000 + 5'000 + 50'000));
    EXPECT_LT(accepted, Tick(10'000 + 5'000 + 2 * 50'000));
}

TEST(CxlExpander, LinkBoundsTheBandwidth) {
    CxlConfig config = slow();
    config.dram.channels = 4;
    CxlExpander expander(config);
    Tick last{};
    for (std::uint64_t i = 0; i < 1000; ++i) last = std::max(last, expander.access(read(i, 0)));
    // Five slots a line come back, one after the other.
    EXPECT_GE(last, Tick(1000 * 5'000));
    EXPECT_LT(last, Tick(1000 * 5'000 + 400'000));
}

} // namespace
} // namespace pagewalk::models
