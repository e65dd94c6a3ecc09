#include "models/device/fixed_latency_disk.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr CpuId cpu0{0};
constexpr CpuId cpu1{1};

struct DiskOnABus : testing::Test, InterruptController {
    struct Raised {
        CpuId cpu;
        Tick at;
    };
    std::vector<Raised> raised;
    FixedLatencyDisk disk{{.latency = Tick(1000), .bandwidth = 1'000'000'000'000}, 3, *this}; // a byte a tick

    void raise(CpuId cpu, const Interrupt& interrupt, Tick at) override {
        EXPECT_EQ(interrupt.kind, InterruptKind::Device);
        EXPECT_EQ(interrupt.source, 3U);
        raised.push_back({cpu, at});
    }
    void submit(std::uint64_t tag, Tick now, CpuId cpu = cpu0) {
        disk.submit({.bytes = 4096, .cpu = cpu, .tag = tag}, now);
    }
    std::vector<std::uint64_t> take(CpuId cpu, Tick now) {
        std::array<BlockCompletion, 2> done;
        std::vector<std::uint64_t> tags;
        for (std::size_t i = 0, count = disk.take_completions(cpu, now, done); i < count; ++i)
            tags.push_back(done[i].tag);
        return tags;
    }
};

TEST_F(DiskOnABus, TakesTransferAndLatency) {
    submit(7, Tick(50));
    ASSERT_EQ(raised.size(), 1U);
    EXPECT_EQ(raised[0].at, Tick(50 + 4096 + 1000));
    EXPECT_TRUE(take(cpu0, Tick(50 + 4096 + 999)).empty());
    EXPECT_EQ(take(cpu0, Tick(50 + 4096 + 1000)), std::vector<std::uint64_t>{7});
    EXPECT_TRUE(take(cpu0, Tick(1'000'000)).empty());
}

TEST_F(DiskOnABus, SendsOneRequestsDataAfterTheOther) {
    submit(1, Tick(0));
    submit(2, Tick(0));
    submit(3, Tick(100'000));
    EXPECT_EQ(raised[1].at, Tick(2 * 4096 + 1000));
    EXPECT_EQ(raised[2].at, Tick(100'000 + 4096 + 1000));
}

TEST_F(DiskOnABus, AnswersTheCpuThatAsked) {
    submit(1, Tick(0), cpu1);
    EXPECT_EQ(raised[0].cpu, cpu1);
    EXPECT_TRUE(take(cpu0, Tick(1'000'000)).empty());
    EXPECT_EQ(take(cpu1, Tick(1'000'000)).size(), 1U);
}

TEST_F(DiskOnABus, HandsOutNoMoreTagsThanThereIsRoomFor) {
    for (std::uint64_t tag = 0; tag < 3; ++tag) submit(tag, Tick(0));
    EXPECT_EQ(take(cpu0, Tick(1'000'000)), (std::vector<std::uint64_t>{0, 1}));
    EXPECT_EQ(take(cpu0, Tick(1'000'000)), std::vector<std::uint64_t>{2});
}

} // namespace
} // namespace pagewalk::models
