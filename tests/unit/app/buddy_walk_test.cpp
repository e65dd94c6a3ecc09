#include "app/buddy_walk.h"
#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

std::string refusal(const char* steps) {
    try {
        (void)buddy_walk_text(steps);
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(BuddyWalk, SplitsAndMergesAsTheTextbookSays) {
    EXPECT_EQ(buddy_walk_text("A=34KiB,B=66KiB,C=35KiB,D=67KiB;free C,A,B,D"),
              "Blocks of a 1 MiB region, in KiB; NAME: marks what is allocated.\n"
              "start           | 1024\n"
              "A=34KiB         | A:64 64 128 256 512  (order 4, 64KiB: 30KiB wasted)\n"
              "B=66KiB         | A:64 64 B:128 256 512  (order 5, 128KiB: 62KiB wasted)\n"
              "C=35KiB         | A:64 C:64 B:128 256 512  (order 4, 64KiB: 29KiB wasted)\n"
              "D=67KiB         | A:64 C:64 B:128 D:128 128 512  (order 5, 128KiB: 61KiB wasted)\n"
              "free C          | A:64 64 B:128 D:128 128 512\n"
              "free A          | 128 B:128 D:128 128 512\n"
              "free B          | 256 D:128 128 512\n"
              "free D          | 1024\n");
}

TEST(BuddyWalk, ThirtyThreePagesWasteThirtyOneUnlessTheTailIsGivenBack) {
    EXPECT_EQ(buddy_walk_text("A=33pages; exact B=33pages; free A, B"),
              "Blocks of a 1 MiB region, in KiB; NAME: marks what is allocated.\n"
              "start           | 1024\n"
              "A=33pages       | A:256 256 512  (order 6, 256KiB: 31 pages wasted)\n"
              "exact B=33pages | A:256 B:132 4 8 16 32 64 512  (order 6, 256KiB: 31 pages given back)\n"
              "free A          | 256 B:132 4 8 16 32 64 512\n"
              "free B          | 1024\n");
}

TEST(BuddyWalk, SinglePagesMergeToo) {
    EXPECT_THAT(buddy_walk_text("A=1page,B=2pages;free A,B"), HasSubstr("free B          | 1024\n"));
}

TEST(BuddyWalk, TellsWhenNoBlockIsLargeEnough) {
    const std::string text = buddy_walk_text("A=1KiB,B=1MiB");
    EXPECT_THAT(text,
                HasSubstr("B=1MiB          | A:4 4 8 16 32 64 128 256 512  (no block of 1MiB is free)\n"));
}

TEST(BuddyWalk, RefusesStepsThatMakeNoSense) {
    EXPECT_THAT(refusal(" ; "), HasSubstr("no step"));
    EXPECT_THAT(refusal("A"), HasSubstr("NAME=SIZE"));
    EXPECT_THAT(refusal("=4KiB"), HasSubstr("name of one word"));
    EXPECT_THAT(refusal("A=many"), HasSubstr("'many' is no size"));
    EXPECT_THAT(refusal("A=0pages"), HasSubstr("'0pages' is no size"));
    EXPECT_THAT(refusal("A=8MiB"), HasSubstr("4MiB"));
    EXPECT_THAT(refusal("A=99999999999999999999pages"), HasSubstr("is no size"));
    EXPECT_THAT(refusal("A=4KiB,A=4KiB"), HasSubstr("allocated already"));
    EXPECT_THAT(refusal("A=4KiB;free B"), HasSubstr("B holds nothing; allocated: A"));
}

} // namespace
} // namespace pagewalk::app
