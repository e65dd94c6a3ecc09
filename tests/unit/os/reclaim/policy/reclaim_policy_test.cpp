#include "os/reclaim/policy/reclaim_policy.h"
#include "tests/unit/os/vm/reclaim_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::page;

/// Writes 64 pages, then goes on using the first of them while reclaim passes over the lists.
struct Passes {
    test::ReclaimRig rig;
    NodeReclaim reclaim;

    explicit Passes(ReclaimPolicyKind policy)
        : reclaim({rig.frames, rig.counters, rig.vm, rig.lru, rig.swap, rig.workingset}, 60, policy) {
        for (std::uint64_t number = 0; number < 64; ++number) (void)rig.written(number);
    }
    void pass() {
        if (!is_swap(rig.entry(*rig.space, page(0)))) rig.write(0);
        rig.at_once([this](Operation& op) {
            ScanControl control{.wanted = ~0ULL, .priority = 0, .by_kswapd = true};
            reclaim.shrink_node(op, NodeId{}, control);
        });
        rig.complete_all();
    }
    [[nodiscard]] std::uint64_t resident() { return rig.space->anon_pages; }
};

TEST(EveryPolicy, KeepsThePageThatIsInUseAndReclaimsTheOthers) {
    for (const auto kind : {ReclaimPolicyKind::Lru, ReclaimPolicyKind::Clock, ReclaimPolicyKind::Lfu,
                            ReclaimPolicyKind::S3Fifo}) {
        SCOPED_TRACE(static_cast<int>(kind));
        Passes passes(kind);
        for (int i = 0; i < 8; ++i) passes.pass();
        EXPECT_TRUE(passes.rig.entry(*passes.rig.space, page(0)).present());
        EXPECT_EQ(passes.resident(), 1U);
    }
}

} // namespace
} // namespace pagewalk::os
