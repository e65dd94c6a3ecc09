#include "os/reclaim/policy/s3fifo_policy.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Fate = ReclaimPolicy::Fate;
constexpr Pfn frame{7};

TEST(S3FifoPolicy, MovesAPageToTheMainQueueThatIsUsedAfterItCame) {
    S3FifoPolicy fifo;
    const auto came = fifo.judge(frame, {.entries = 1});
    EXPECT_EQ(came.fate, Fate::Keep);
    EXPECT_TRUE(came.referenced);
    EXPECT_EQ(fifo.judge(frame, {.entries = 1, .referenced = true}).fate, Fate::Activate);
    EXPECT_EQ(fifo.judge(frame, {}).fate, Fate::Reclaim);
}

TEST(S3FifoPolicy, LetsUsedPagesOfTheMainQueueGoRoundAgain) {
    S3FifoPolicy fifo;
    EXPECT_TRUE(fifo.stays_active(frame, {.entries = 1}));
    EXPECT_FALSE(fifo.stays_active(frame, {}));
}

TEST(S3FifoPolicy, KeepsATenthForNewPages) {
    const S3FifoPolicy fifo;
    EXPECT_TRUE(fifo.inactive_is_low(99, 900));
    EXPECT_FALSE(fifo.inactive_is_low(100, 900));
}

} // namespace
} // namespace pagewalk::os
