#include "app/read_apart.h"
#include "base/error.h"

#include <csignal>
#include <cstdlib>
#include <new>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<std::string> words{"a.h5", "--json"};

TEST(ReadApart, GivesTheChildsStatus) {
    const int status = read_apart(
        "show", words, [](std::span<const std::string> given) { return given.size() == 2 ? 7 : 8; });
    EXPECT_EQ(status, 7);
}

TEST(ReadApart, ThrowsWhatTheCommandThrows) {
    const auto run = [](auto command) { return read_apart("show", words, command); };
    EXPECT_THROW(run([](std::span<const std::string>) -> int { throw InputError("no such view"); }),
                 InputError);
    EXPECT_THROW(run([](std::span<const std::string>) -> int { throw RunError("disk full"); }), RunError);
    EXPECT_THROW(run([](std::span<const std::string>) -> int { throw std::bad_alloc(); }), InputError);
    try {
        run([](std::span<const std::string>) -> int { throw InputError("no such view"); });
    } catch (const InputError& error) {
        EXPECT_STREQ(error.what(), "no such view");
    }
}

TEST(ReadApart, ACrashIsADamagedFile) {
    for (const auto crash : {+[](std::span<const std::string>) -> int {
                                 std::signal(SIGSEGV, SIG_DFL);
                                 return std::raise(SIGSEGV);
                             },
                             +[](std::span<const std::string>) -> int {
                                 std::signal(SIGABRT, SIG_DFL);
                                 std::abort();
                             }})
        try {
            read_apart("show", words, crash);
            ADD_FAILURE() << "read";
        } catch (const InputError& error) {
            EXPECT_THAT(error.what(),
                        AllOf(HasSubstr("show a.h5 --json"), HasSubstr("damaged"), HasSubstr("SIG")));
        }
}

TEST(ReadApart, AnExitOfALibraryIsADamagedFile) {
    const auto exits = [](std::span<const std::string>) -> int { std::_Exit(255); };
    try {
        read_apart("show", words, exits);
        ADD_FAILURE() << "read";
    } catch (const InputError& error) {
        EXPECT_THAT(error.what(), AllOf(HasSubstr("show a.h5 --json"), HasSubstr("exit status 255")));
    }
}

} // namespace
} // namespace pagewalk::app
