#include "os/task/fiber.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(Fiber, RunsAJobThatNeverStops) {
    Fiber fiber;
    int sum = 0;
    fiber.start([&] { sum = 7; });
    EXPECT_EQ(sum, 7);
    EXPECT_TRUE(fiber.idle());
}

TEST(Fiber, GoesOnWhereItStopped) {
    Fiber fiber;
    std::string order;
    fiber.start([&] {
        for (const char c : {'a', 'b', 'c'}) {
            order += c;
            fiber.suspend();
        }
        order += 'd';
    });
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(fiber.idle());
        order += '.';
        fiber.resume();
    }
    EXPECT_EQ(order, "a.b.c.d");
    EXPECT_TRUE(fiber.idle());
}

TEST(Fiber, TakesOneJobAfterAnother) {
    Fiber fiber;
    int ran = 0;
    for (int i = 0; i < 100; ++i) fiber.start([&] { ++ran; });
    EXPECT_EQ(ran, 100);
}

TEST(Fiber, ThrowsInItsCallerWhatTheJobThrows) {
    Fiber fiber;
    EXPECT_THROW(fiber.start([] { throw std::runtime_error("at once"); }), std::runtime_error);
    EXPECT_TRUE(fiber.idle());
    fiber.start([&] {
        fiber.suspend();
        throw std::logic_error("later");
    });
    EXPECT_THROW(fiber.resume(), std::logic_error);
    int after = 0;
    fiber.start([&] { after = 1; });
    EXPECT_EQ(after, 1);
}

TEST(Fiber, GivesBackWhatASuspendedJobHolds) {
    struct Held {
        int& released;
        ~Held() { ++released; }
    };
    int released = 0;
    {
        Fiber fiber;
        fiber.start([&] {
            const Held held{released};
            fiber.suspend();
            ADD_FAILURE() << "went on";
        });
        EXPECT_EQ(released, 0);
    }
    EXPECT_EQ(released, 1);
}

TEST(Fiber, JobsOnTwoFibersAlternate) {
    Fiber one, two;
    std::string order;
    const auto job = [&order](Fiber& fiber, char name) {
        return [&order, &fiber, name] {
            order += name;
            fiber.suspend();
            order += name;
        };
    };
    one.start(job(one, '1'));
    two.start(job(two, '2'));
    one.resume();
    two.resume();
    EXPECT_EQ(order, "1212");
}

TEST(Fiber, StartsAnotherFromItsOwnStack) {
    Fiber outer, inner;
    std::string order;
    outer.start([&] {
        order += 'o';
        inner.start([&] {
            order += 'i';
            inner.suspend();
            order += 'i';
        });
        order += 'o';
        outer.suspend();
    });
    inner.resume();
    outer.resume();
    EXPECT_EQ(order, "oioi");
}

TEST(FiberDeathTest, AnOverflowHitsTheGuardPage) {
    const auto overflow = [] {
        Fiber fiber;
        fiber.start([] {
            const auto recurse = [](const auto& self, int depth) -> int {
                volatile char frame[4096];
                frame[0] = static_cast<char>(depth);
                return self(self, depth + 1) + frame[0];
            };
            (void)recurse(recurse, 0);
        });
    };
    EXPECT_DEATH(overflow(), "");
}

TEST(FiberPool, GivesIdleFibersOutAgain) {
    FiberPool pool;
    auto fiber = pool.take();
    const Fiber* const first = fiber.get();
    fiber->start([] {});
    pool.give_back(std::move(fiber));
    EXPECT_EQ(pool.size(), 1U);
    EXPECT_EQ(pool.take().get(), first);
    EXPECT_EQ(pool.size(), 0U);
}

} // namespace
} // namespace pagewalk::os
