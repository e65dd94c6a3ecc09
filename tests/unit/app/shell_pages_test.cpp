#include "app/shell_pages.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

OptionSet& sample_options() {
    static bool flag = false;
    static std::string text;
    static OptionSet options;
    if (options.all().empty()) {
        options.group("os").flag("timing", flag, {Unit::None, ".with a dot and a \\ and a-dash", "user"});
        options.group("os").text("name", text, {Unit::None, "a name", "user"});
    }
    return options;
}

TEST(DashedWords, AreThoseOfTheUsage) {
    EXPECT_THAT(
        dashed_words("CONFIG [--set key=value]... [-o FILE.h5] [--trace FILE... | -- PROGRAM ARGS...]"),
        ElementsAre("--set", "-o", "--trace"));
    EXPECT_THAT(dashed_words("CONFIG|--from-capture DIR [--resume [--rerun-changed]]"),
                ElementsAre("--from-capture", "--resume", "--rerun-changed"));
    EXPECT_THAT(dashed_words("[GLOB]"), ElementsAre());
}

TEST(Completion, KnowsEveryCommandItsWordsAndTheKeys) {
    std::ostringstream out;
    print_completion(commands(), sample_options().all(), out);
    for (const Command& command : commands())
        EXPECT_THAT(out.str(), HasSubstr("    " + std::string(command.name) + ") words='"));
    EXPECT_THAT(out.str(), AllOf(HasSubstr("os.timing= os.name="), HasSubstr("--trace")));
}

TEST(Manual, HasEveryCommandAndOptionAndNoAccidentalRequests) {
    std::ostringstream out;
    print_manual(commands(), sample_options().all(), out);
    for (const Command& command : commands())
        EXPECT_THAT(out.str(), HasSubstr(".B pagewalk " + std::string(command.name)));
    EXPECT_THAT(out.str(), AllOf(HasSubstr(".B os.timing\n\\&.with a dot and a \\e and a\\-dash."),
                                 HasSubstr("Default: (empty)"), Not(HasSubstr("\n.with"))));
}

} // namespace
} // namespace pagewalk::app
