#include "os/reclaim/zram.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <tuple>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;
using test::ReclaimRig;

constexpr std::uint64_t slots = 1000;

struct CompressedPages : testing::Test {
    ReclaimRig rig;
    Pfn frame = rig.written(0);

    bool store(Zram& zram, std::uint32_t slot) {
        return rig.at_once([&](Operation& op) { return zram.store(op, SwapSlot{slot}, frame); });
    }
    void discard(Zram& zram, std::uint32_t slot) {
        rig.at_once([&](Operation& op) { zram.discard(op, SwapSlot{slot}); });
    }
};

TEST_F(CompressedPages, TakeFramesByTheirRatio) {
    for (const auto& [percent, pages, frames] :
         {std::tuple{100U, 8U, 8U}, std::tuple{200U, 8U, 4U}, std::tuple{200U, 9U, 8U},
          std::tuple{300U, 12U, 4U}, std::tuple{1000U, 40U, 4U}}) {
        Zram zram(rig.frames, rig.counters, percent, slots);
        rig.counters.reclaim.zram_stored = 0;
        for (std::uint32_t slot = 0; slot < pages; ++slot) EXPECT_TRUE(store(zram, slot));
        EXPECT_EQ(zram.frames(), frames) << percent;
        EXPECT_EQ(rig.counters.reclaim.zram_stored, pages);
        for (std::uint32_t slot = 0; slot < pages; ++slot) discard(zram, slot);
        EXPECT_EQ(zram.frames(), 0U);
        EXPECT_EQ(rig.counters.reclaim.zram_stored, 0U);
    }
}

TEST_F(CompressedPages, FillPlacesThatWereFreed) {
    Zram zram(rig.frames, rig.counters, 200, slots);
    for (std::uint32_t slot = 0; slot < 16; ++slot) (void)store(zram, slot);
    discard(zram, 3);
    discard(zram, 12);
    EXPECT_TRUE(store(zram, 20));
    EXPECT_TRUE(store(zram, 21));
    EXPECT_EQ(zram.frames(), 8U);
    discard(zram, 500); // never stored
    EXPECT_EQ(rig.counters.reclaim.zram_stored, 16U);
}

TEST_F(CompressedPages, AreNotStoredWhereThereIsNoMemory) {
    Zram zram(rig.frames, rig.counters, 200, slots);
    const AllocRequest everything{.mask = gfp::highuser_movable.without(gfp::reclaim) | gfp::memalloc};
    while (rig.allocator->allocate(everything)) {
    }
    EXPECT_FALSE(store(zram, 0));
    EXPECT_EQ(zram.frames(), 0U);
}

} // namespace
} // namespace pagewalk::os
