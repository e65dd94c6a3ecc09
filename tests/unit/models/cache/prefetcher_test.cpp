#include "models/cache/prefetch/prefetcher.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

CacheConfig with(PrefetcherKind kind, std::uint32_t degree = 1, std::uint32_t distance = 1) {
    CacheConfig config;
    config.prefetcher = kind;
    config.prefetch_degree = degree;
    config.prefetch_distance = distance;
    return config;
}

std::vector<std::uint64_t> train(Prefetcher& prefetcher, std::uint64_t address, std::uint64_t pc = 1) {
    std::vector<std::uint64_t> targets;
    prefetcher.train(PhysAddr(address), VirtAddr(pc),
                     [&](PhysAddr target) { targets.push_back(target.value()); });
    return targets;
}

using Targets = std::vector<std::uint64_t>;

TEST(NextLinePrefetcher, FetchesTheLinesBehindTheAccess) {
    Prefetcher prefetcher(with(PrefetcherKind::NextLine, 2, 1));
    EXPECT_EQ(train(prefetcher, 0x1010), (Targets{0x1040, 0x1080}));
}

TEST(NextLinePrefetcher, StopsAtThePagesEnd) {
    Prefetcher prefetcher(with(PrefetcherKind::NextLine, 2, 1));
    EXPECT_EQ(train(prefetcher, 0x1f80), (Targets{0x1fc0}));
    EXPECT_EQ(train(prefetcher, 0x1fc0), Targets{});
}

TEST(StridePrefetcher, NeedsTheSameStrideTwiceMore) {
    Prefetcher prefetcher(with(PrefetcherKind::Stride));
    EXPECT_EQ(train(prefetcher, 0x1000), Targets{});
    EXPECT_EQ(train(prefetcher, 0x1100), Targets{});
    EXPECT_EQ(train(prefetcher, 0x1200), Targets{});
    EXPECT_EQ(train(prefetcher, 0x1300), (Targets{0x1400}));
    EXPECT_EQ(train(prefetcher, 0x1380), Targets{});
}

TEST(StridePrefetcher, TellsInstructionsApart) {
    Prefetcher prefetcher(with(PrefetcherKind::Stride));
    for (std::uint64_t i = 0; i < 3; ++i) {
        train(prefetcher, 0x1000 + i * 0x80, 1);
        train(prefetcher, 0x5fc0 - i * 0x40, 2);
    }
    EXPECT_EQ(train(prefetcher, 0x1180, 1), (Targets{0x1200}));
    EXPECT_EQ(train(prefetcher, 0x5f00, 2), (Targets{0x5ec0}));
}

TEST(StridePrefetcher, StrideWithinALineAdvancesByLines) {
    Prefetcher prefetcher(with(PrefetcherKind::Stride, 2, 2));
    for (std::uint64_t i = 0; i < 3; ++i) train(prefetcher, 0x1000 + i * 8);
    EXPECT_EQ(train(prefetcher, 0x1018), (Targets{0x1080, 0x10c0}));
}

} // namespace
} // namespace pagewalk::models
