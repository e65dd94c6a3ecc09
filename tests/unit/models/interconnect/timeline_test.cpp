#include "models/interconnect/timeline.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(Timeline, ServesAtOnceWhenFree) {
    Timeline<8> timeline;
    EXPECT_EQ(timeline.reserve(Tick(100), Tick(10)), Tick(100));
}

TEST(Timeline, QueuesBehindWhatIsTaken) {
    Timeline<8> timeline;
    timeline.reserve(Tick(100), Tick(10));
    EXPECT_EQ(timeline.find(Tick(109), Tick(10)), Tick(110));
    EXPECT_EQ(timeline.find(Tick(110), Tick(10)), Tick(110));
}

TEST(Timeline, LetsALateRequestUseTheGapBeforeWhatIsTaken) {
    Timeline<8> timeline;
    timeline.reserve(Tick(100), Tick(10));
    EXPECT_EQ(timeline.reserve(Tick(90), Tick(10)), Tick(90));
    EXPECT_EQ(timeline.reserve(Tick(80), Tick(11)), Tick(110));
    EXPECT_EQ(timeline.reserve(Tick(80), Tick(10)), Tick(80));
}

TEST(Timeline, JoinsSpansThatLeaveNoUsefulGap) {
    Timeline<8> timeline(Tick(10));
    timeline.reserve(Tick(100), Tick(10));
    timeline.reserve(Tick(119), Tick(10));
    EXPECT_EQ(timeline.span_count(), 1U);
    timeline.reserve(Tick(139), Tick(10));
    EXPECT_EQ(timeline.span_count(), 2U);
    EXPECT_EQ(timeline.reserve(Tick(100), Tick(10)), Tick(129));
    EXPECT_EQ(timeline.span_count(), 1U);
}

TEST(Timeline, ForgetsTheOldestSpanWhenFull) {
    Timeline<4> timeline;
    for (std::uint64_t i = 0; i < 5; ++i) timeline.reserve(Tick(100 * i), Tick(10));
    EXPECT_EQ(timeline.span_count(), 4U);
    EXPECT_EQ(timeline.find(Tick(0), Tick(10)), Tick(0));
    EXPECT_EQ(timeline.find(Tick(100), Tick(10)), Tick(110));
}

TEST(Timeline, BlockSwallowsWhatLiesInIt) {
    Timeline<8> timeline;
    timeline.reserve(Tick(100), Tick(10));
    timeline.reserve(Tick(200), Tick(10));
    timeline.reserve(Tick(300), Tick(10));
    timeline.block(Tick(105), Tick(250));
    EXPECT_EQ(timeline.span_count(), 2U);
    EXPECT_EQ(timeline.find(Tick(100), Tick(1)), Tick(250));
    EXPECT_EQ(timeline.find(Tick(295), Tick(10)), Tick(310));
}

} // namespace
} // namespace pagewalk::models
