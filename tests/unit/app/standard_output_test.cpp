#include "app/standard_output.h"
#include "base/error.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

/// Prints with standard output being `file`, in a child: 0 where it got out, 1 where RunError says that it
/// did not.
int print_to(const char* file) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(::open(file, O_WRONLY), STDOUT_FILENO);
        int status = 0;
        try {
            std::cout << "a line\n";
            flush_standard_output();
        } catch (const RunError&) {
            status = 1;
        }
        ::_exit(status);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StandardOutput, ThatDidNotGetOutIsAnError) {
    flush_standard_output();
    EXPECT_EQ(print_to("/dev/null"), 0);
    EXPECT_EQ(print_to("/dev/full"), 1);
}

} // namespace
} // namespace pagewalk::app
