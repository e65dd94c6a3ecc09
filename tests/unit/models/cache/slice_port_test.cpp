#include "base/rng.h"
#include "models/cache/slice_port.h"
#include "models/interconnect/timeline.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(SlicePort, RequestWaitsForThoseBeforeItAndTakesGapsLeft) {
    SlicePort port(Tick(10));
    EXPECT_EQ(port.reserve(Tick(100)), Tick(100));
    EXPECT_EQ(port.reserve(Tick(109)), Tick(110));
    EXPECT_EQ(port.reserve(Tick(130)), Tick(130));
    EXPECT_EQ(port.reserve(Tick(100)), Tick(120));
    EXPECT_EQ(port.reserve(Tick(90)), Tick(90));
    EXPECT_EQ(port.reserve(Tick(85)), Tick(140));
}

TEST(SlicePort, GapTooShortForARequestIsTaken) {
    SlicePort port(Tick(10));
    EXPECT_EQ(port.reserve(Tick(100)), Tick(100));
    EXPECT_EQ(port.reserve(Tick(119)), Tick(119));
    EXPECT_EQ(port.reserve(Tick(110)), Tick(129));
}

TEST(SlicePort, AnswersAsATimelineOfOneLength) {
    for (const std::uint64_t use : {1, 7, 417}) {
        for (const std::uint64_t spread : {1, 4, 30, 400}) {
            SlicePort port{Tick(use)};
            Timeline<64> timeline{Tick(use)};
            Rng rng(use * 1000 + spread, "requests");
            std::uint64_t now = 1'000'000;
            for (int i = 0; i < 30'000; ++i) {
                now += rng.below(use * 4);
                const Tick time(rng.below(50) == 0 ? now - rng.below(use * 1000)
                                                   : now - rng.below(use * spread));
                ASSERT_EQ(port.reserve(time), timeline.reserve(time, Tick(use))) << i;
            }
        }
    }
}

} // namespace
} // namespace pagewalk::models
