#include "models/core/branch_target_buffer.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr VirtAddr target{0x500000};

/// Two levels: 2 sets of 2 ways, and 4 sets of 4 ways that cost 3 cycles.
BranchTargetBufferConfig two_levels() {
    BranchTargetBufferConfig config;
    config.levels = {{{4, 2, Cycles(0)}, {16, 4, Cycles(3)}, {0, 1, Cycles(0)}}};
    return config;
}

struct Buffer : BranchTargetBuffer {
    using BranchTargetBuffer::BranchTargetBuffer;
    void take(VirtAddr address, VirtAddr to = target) {
        update(address, BranchKind::DirectJump, to, find(address));
    }
};

TEST(BranchTargetBuffer, KnowsWhereABranchWentLast) {
    Buffer buffer(two_levels());
    EXPECT_EQ(buffer.find(VirtAddr(0x1000)).entry, nullptr);
    buffer.take(VirtAddr(0x1000));
    ASSERT_NE(buffer.find(VirtAddr(0x1000)).entry, nullptr);
    EXPECT_EQ(buffer.find(VirtAddr(0x1000)).entry->target, target);
    EXPECT_EQ(buffer.find(VirtAddr(0x1000)).entry->kind, BranchKind::DirectJump);
    buffer.take(VirtAddr(0x1000), target + 8);
    EXPECT_EQ(buffer.find(VirtAddr(0x1000)).entry->target, target + 8);
}

TEST(BranchTargetBuffer, LeastRecentBranchOfASetFallsBackToTheNextLevel) {
    Buffer buffer(two_levels());
    for (const std::uint64_t address : {0, 4, 8}) buffer.take(VirtAddr(address)); // one set of both levels
    EXPECT_EQ(buffer.find(VirtAddr(8)).bubbles, Cycles(0));
    EXPECT_EQ(buffer.find(VirtAddr(0)).bubbles, Cycles(3));
    EXPECT_EQ(buffer.find(VirtAddr(0)).bubbles, Cycles(0)); // it is in the first level again
    EXPECT_EQ(buffer.find(VirtAddr(4)).bubbles, Cycles(3));
}

TEST(BranchTargetBuffer, LastLevelForgetsTheLeastRecent) {
    Buffer buffer(two_levels());
    for (std::uint64_t i = 0; i < 5; ++i) buffer.take(VirtAddr(4 * i));
    EXPECT_EQ(buffer.find(VirtAddr(0)).entry, nullptr);
    for (std::uint64_t i = 1; i < 5; ++i) EXPECT_NE(buffer.find(VirtAddr(4 * i)).entry, nullptr) << i;
}

TEST(BranchTargetBuffer, BranchesThatTheLowBitsTellApartMayShareAnEntry) {
    BranchTargetBufferConfig config = two_levels();
    config.offset_bits = 2;
    Buffer buffer(config);
    buffer.take(VirtAddr(0x1000));
    EXPECT_TRUE(buffer.aliases());
    EXPECT_NE(buffer.find(VirtAddr(0x1003)).entry, nullptr);
    EXPECT_EQ(buffer.find(VirtAddr(0x1004)).entry, nullptr);
}

TEST(BranchTargetBuffer, RefusesEntriesThatMakeNoSets) {
    BranchTargetBufferConfig config = two_levels();
    OptionSet options;
    EXPECT_NO_THROW(config.validate(options));
    config.levels[1].entries = 12; // three sets of four
    EXPECT_THROW(config.validate(options), ConfigError);
    config.levels = {};
    EXPECT_NO_THROW(config.validate(options));
    EXPECT_FALSE(BranchTargetBuffer(config).present());
}

} // namespace
} // namespace pagewalk::models
