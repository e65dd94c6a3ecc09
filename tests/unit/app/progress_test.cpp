#include "app/progress.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(Progress, WritesNothingIntoAPipe) {
    testing::internal::CaptureStderr();
    {
        Progress progress(1000);
        for (std::uint64_t i = 0; i < 1000; ++i) progress.update(i, Tick{i});
        progress.clear();
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

} // namespace
} // namespace pagewalk::app
