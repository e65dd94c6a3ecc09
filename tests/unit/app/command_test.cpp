#include "app/command.h"
#include "base/error.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(Commands, HaveUniqueNamesAndAreExplained) {
    std::set<std::string_view> names;
    for (const Command& command : commands()) {
        EXPECT_TRUE(names.insert(command.name).second) << command.name;
        EXPECT_FALSE(command.summary.empty());
    }
    for (const char* name : {"run", "record", "show", "compare", "options"})
        EXPECT_TRUE(names.contains(name)) << name;
}

TEST(Commands, RefuseWordsTheyDoNotKnow) {
    const std::vector<std::string> words{"--no-such-option"};
    for (const Command& command : commands()) EXPECT_THROW(command.run(words), InputError) << command.name;
}

TEST(Commands, ExplainThemselves) {
    const std::vector<std::string> words{"--help"};
    for (const Command& command : commands()) {
        testing::internal::CaptureStdout();
        EXPECT_EQ(run_command(command, words), 0) << command.name;
        EXPECT_THAT(testing::internal::GetCapturedStdout(),
                    testing::HasSubstr("usage: pagewalk " + std::string(command.name)));
    }
}

TEST(Commands, LeaveTheProgramsOwnHelpAlone) {
    const auto run = commands().front();
    const std::vector<std::string> words{"absent.cfg", "--", "ls", "--help"};
    EXPECT_THROW(run_command(run, words), InputError);
}

TEST(CommandLine, QuotesWordsWithBlanks) {
    char program[] = "pagewalk", first[] = "run", second[] = "a b.cfg", third[] = "--set";
    char* words[] = {program, first, second, third};
    remember_command_line(4, words);
    EXPECT_EQ(command_line(), "pagewalk run 'a b.cfg' --set");
}

TEST(CommandLine, QuotesSoThatAShellReadsItBack) {
    char program[] = "pagewalk", first[] = "it's", second[] = "$HOME;", third[] = "";
    char* words[] = {program, first, second, third};
    remember_command_line(4, words);
    EXPECT_EQ(command_line(), R"(pagewalk 'it'\''s' '$HOME;' '')");
}

} // namespace
} // namespace pagewalk::app
