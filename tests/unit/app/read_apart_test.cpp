#include "app/read_apart.h"
#include "base/error.h"

#include <csignal>
#include <cstdlib>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::vector<std::string> words{"a.h5", "--json"};

TEST(ReadApart, GivesTheChildsStatus) {
    EXPECT_EQ(
        read_apart("show", words,
                   [](std::span<const std::string> given) -> int { std::_Exit(given.size() == 2 ? 7 : 8); }),
        7);
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

} // namespace
} // namespace pagewalk::app
