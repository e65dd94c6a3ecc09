#include "os/task/untimed.h"
#include "tests/unit/os/task/task_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Told {
    std::uint64_t value = 0;
    Moment moment;
    void take(std::uint64_t given, const Moment& when) {
        value = given;
        moment = when;
    }
};

TEST(UntimedOperations, HaveTheirEffectsAtOnce) {
    test::TaskRig rig;
    Told told;
    UntimedOperation untimed(rig.runner, {test::cpu1, Tick{77}});
    (*untimed).effect<&Told::take>(told, 5);
    EXPECT_EQ(told.value, 5U);
    EXPECT_EQ(told.moment.cpu, test::cpu1);
    EXPECT_EQ(told.moment.now, Tick{77});
}

TEST(UntimedOperations, MayNotWaitAndHaveNoPath) {
    test::TaskRig rig;
    UntimedOperation untimed(rig.runner, {});
    EXPECT_FALSE((*untimed).may_wait());
    (*untimed).path.call(KernelFunction::Schedule);
    EXPECT_TRUE((*untimed).path.path().steps().empty());
}

TEST(UntimedOperations, LetTheirFreedTablesGoWhenTheyAreOver) {
    test::TaskRig rig;
    std::vector<Pfn> dead;
    rig.runner.on_tables_dead([&](PathLog& log) { dead = log.dead_tables; });
    {
        UntimedOperation untimed(rig.runner, {});
        (*untimed).log.dead_tables.push_back(Pfn(9));
        EXPECT_TRUE(dead.empty());
    }
    EXPECT_EQ(dead, std::vector{Pfn(9)});
}

} // namespace
} // namespace pagewalk::os
