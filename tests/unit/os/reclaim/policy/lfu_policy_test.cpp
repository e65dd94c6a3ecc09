#include "os/reclaim/policy/lfu_policy.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Fate = ReclaimPolicy::Fate;
constexpr Pfn frame{70};

struct Frequencies : testing::Test {
    test::TaskRig rig;
    LfuPolicy lfu{rig.frames};

    /// Rounds without a use until the page goes.
    int rounds() {
        int count = 1;
        while (lfu.judge(frame, {}).fate == Fate::Keep) ++count;
        return count;
    }
    void use(int times) {
        for (int i = 0; i < times; ++i) EXPECT_EQ(lfu.judge(frame, {.entries = 1}).fate, Fate::Keep);
    }
};

TEST_F(Frequencies, KeepAPageForTheLogarithmOfItsUses) {
    use(1);
    EXPECT_EQ(rounds(), 1);
    use(4);
    EXPECT_EQ(rounds(), 3); // 4, 2, 1
    use(100);
    EXPECT_EQ(rounds(), 4); // 15, 7, 3, 1
}

TEST_F(Frequencies, AreThoseOfThePageNotOfItsFrame) {
    use(8);
    rig.frames.set_mapping(frame, {FrameMapping::Kind::File, 3, 9});
    EXPECT_EQ(rounds(), 1);
}

} // namespace
} // namespace pagewalk::os
