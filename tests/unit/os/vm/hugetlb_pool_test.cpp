#include "base/error.h"
#include "os/vm/hugetlb_pool.h"
#include "tests/unit/os/vm/hugetlb_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::HugetlbRig;
using test::with_hugetlb;
using Promise = HugetlbPools::Promise;

/// Pools of its own, over the frames of a rig.
struct PoolRig : HugetlbRig {
    explicit PoolRig(const std::string& pages, std::uint64_t overcommit = 0,
                     const std::vector<std::uint64_t>& node_bytes = {64ULL << 20})
        : HugetlbRig({}, node_bytes) {
        ContiguousAllocator contiguous(*allocator, migrator);
        at_once([&](Operation& op) { own.boot(op, {pages, "0", overcommit}, contiguous); });
    }
    [[nodiscard]] bool reserve(std::uint64_t pages) {
        return at_once([&](Operation& op) { return own.reserve(op, HugetlbSize::Page2M, pages); });
    }
    [[nodiscard]] Pfn take(Promise promise) {
        return at_once([&](Operation& op) { return own.take(op, HugetlbSize::Page2M, promise, 0); });
    }
    void put(Pfn head) {
        at_once([&](Operation& op) { own.put(op, head); });
    }
    [[nodiscard]] const HugetlbPool& small() { return own.pool(HugetlbSize::Page2M); }

    HugetlbPools own{frames, counters};
};

TEST(HugetlbPool, TakesItsPagesAtBootFromTheNodesInTurn) {
    PoolRig rig("5", 0, {64ULL << 20, 64ULL << 20});
    EXPECT_EQ(rig.small().counts(NodeId{0}).total, 3U);
    EXPECT_EQ(rig.small().counts(NodeId{1}).free, 2U);
    EXPECT_EQ(rig.counters.htlb_buddy_alloc_success, 5U);
}

TEST(HugetlbPool, SaysHowManyPagesMemoryHasRoomFor) {
    HugetlbRig rig({});
    HugetlbPools pools(rig.frames, rig.counters);
    ContiguousAllocator contiguous(*rig.allocator, rig.migrator);
    rig.at_once([&](Operation& op) {
        try {
            pools.boot(op, {"1000", "0", 0}, contiguous);
            ADD_FAILURE() << "64 MiB have room for 32 at most";
        } catch (const ConfigError& error) {
            EXPECT_NE(std::string(error.what()).find("os.hugetlb.pages_2mib = 1000: memory has room for "),
                      std::string::npos)
                << error.what();
        }
    });
}

TEST(HugetlbPool, KeepsWhatItHasPromised) {
    PoolRig rig("4");
    EXPECT_TRUE(rig.reserve(3));
    EXPECT_FALSE(rig.reserve(2));
    const Pfn free = rig.take(Promise::None);
    EXPECT_NE(free, no_pfn);
    EXPECT_EQ(rig.take(Promise::None), no_pfn); // three are left, all promised
    const Pfn kept = rig.take(Promise::Kept);
    EXPECT_NE(kept, no_pfn);
    EXPECT_EQ(rig.small().reserved(), 2U);
    EXPECT_EQ(rig.small().counts().free, 2U);
    rig.put(kept);
    EXPECT_EQ(rig.small().reserved(), 2U); // what came back is nobody's
    EXPECT_EQ(rig.small().counts().free, 3U);
    rig.at_once([&](Operation& op) { rig.own.unreserve(op, HugetlbSize::Page2M, 2); });
    EXPECT_EQ(rig.small().reserved(), 0U);
}

TEST(HugetlbPool, GivesOutFirstWhatCameBackLast) {
    PoolRig rig("3");
    const Pfn first = rig.take(Promise::None), second = rig.take(Promise::None);
    rig.put(second);
    rig.put(first);
    EXPECT_EQ(rig.take(Promise::None), first);
}

TEST(HugetlbPool, GrowsBySurplusPagesWhileTheyAreUsed) {
    PoolRig rig("1", 2);
    EXPECT_FALSE(rig.reserve(4)); // one more than the surplus
    EXPECT_EQ(rig.small().counts().total, 1U);
    EXPECT_TRUE(rig.reserve(3));
    EXPECT_EQ(rig.small().counts().surplus, 2U);
    EXPECT_EQ(rig.small().counts().total, 3U);
    std::vector<Pfn> taken;
    for (int i = 0; i < 3; ++i) taken.push_back(rig.take(Promise::Kept));
    EXPECT_EQ(rig.take(Promise::None), no_pfn);
    for (const Pfn head : taken) rig.put(head);
    EXPECT_EQ(rig.small().counts().surplus, 0U); // the first two went back to the page allocator
    EXPECT_EQ(rig.small().counts().total, 1U);
    EXPECT_EQ(rig.small().counts().free, 1U);
}

TEST(HugetlbPool, PrefersTheNodeOfWhoTakes) {
    PoolRig rig("1:2,0:1", 0, {64ULL << 20, 64ULL << 20});
    const NodeId own = rig.allocator->cpus()[test::cpu0];
    const auto node_of = [&](Pfn head) { return rig.allocator->zone_of(head)->node; };
    EXPECT_EQ(node_of(rig.take(Promise::None)), own);
    for (int i = index_of(own) == 0 ? 1 : 0; i < 2; ++i) (void)rig.take(Promise::None);
    EXPECT_EQ(rig.small().counts(own).free, 0U);
    const std::uint64_t left = rig.small().counts().free;
    if (left != 0) {
        EXPECT_NE(node_of(rig.take(Promise::None)), own);
    }
}

} // namespace
} // namespace pagewalk::os
