#include "app/job_process.h"
#include "base/error.h"

#include <csignal>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(JobProcess, ReturnsWhatTheWorkReturned) {
    const std::string long_text(200'000, 'x'); // more than a pipe holds
    EXPECT_EQ(in_job_process([&] { return long_text; }), long_text);
    int here = 0;
    EXPECT_EQ(in_job_process([&] { return std::to_string(++here); }), "1");
    EXPECT_EQ(here, 0); // another process's
}

TEST(JobProcess, ThrowsWhatTheWorkThrew) {
    EXPECT_THROW((void)in_job_process([]() -> std::string { throw InputError("damaged"); }), InputError);
    EXPECT_THROW((void)in_job_process([]() -> std::string { throw RunError("stuck"); }), RunError);
    try {
        (void)in_job_process([]() -> std::string { throw InputError("damaged"); });
    } catch (const InputError& error) {
        EXPECT_STREQ(error.what(), "damaged");
    }
}

TEST(JobProcess, SaysThatItDied) {
    try {
        (void)in_job_process([]() -> std::string {
            std::signal(SIGTERM, SIG_DFL);
            std::raise(SIGTERM);
            return "";
        });
        FAIL();
    } catch (const RunError& error) {
        EXPECT_STREQ(error.what(), "the simulation died of SIGTERM");
    }
}

} // namespace
} // namespace pagewalk::app
