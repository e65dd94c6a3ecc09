#include "app/child_process.h"
#include "base/error.h"

#include <csignal>
#include <cstdlib>
#include <new>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(ChildProcess, SaysAndReturns) {
    const std::string long_text(200'000, 'x'); // more than a pipe holds
    const auto end = in_child([&](std::string& said) {
        said = long_text;
        return 7;
    });
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->said, long_text);
    EXPECT_EQ(WEXITSTATUS(end->status), 7);
}

TEST(ChildProcess, ThrowsWhatTheWorkThrew) {
    EXPECT_THROW((void)in_child([](std::string&) -> int { throw InputError("damaged"); }), InputError);
    EXPECT_THROW((void)in_child([](std::string&) -> int { throw std::bad_alloc(); }), RunError);
}

TEST(ChildProcess, TellsOfASignal) {
    const auto end = in_child([](std::string& said) {
        said = "never sent";
        std::signal(SIGTERM, SIG_DFL);
        return std::raise(SIGTERM);
    });
    ASSERT_TRUE(end.has_value());
    ASSERT_TRUE(WIFSIGNALED(end->status));
    EXPECT_EQ(WTERMSIG(end->status), SIGTERM);
    EXPECT_EQ(end->said, "");
}

TEST(ChildProcess, WantsAProcess) {
    // Without descriptors there is no pipe.
    const auto none_left = in_child([](std::string& said) {
        while (::dup(0) >= 0) {
        }
        said = in_child([](std::string&) { return 0; }).has_value() ? "a child" : "none";
        return 0;
    });
    ASSERT_TRUE(none_left.has_value());
    EXPECT_EQ(none_left->said, "none");
}

} // namespace
} // namespace pagewalk::app
