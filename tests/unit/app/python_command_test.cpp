#include "app/python_command.h"
#include "base/error.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const PythonCommand& command, const std::vector<std::string>& words) {
    try {
        return testing::PrintToString(python_words(command, words));
    } catch (const InputError& error) {
        return error.what();
    }
}

TEST(PythonCommand, NamesWhatIsWrongWithItsWords) {
    const PythonCommand& report = report_command();
    EXPECT_THAT(refusal(report, {}), HasSubstr("no results are named"));
    EXPECT_THAT(refusal(report, {"a", "b"}), HasSubstr("one run or sweep"));
    EXPECT_THAT(refusal(report, {"a", "-o"}), HasSubstr("missing after -o"));
    EXPECT_THAT(refusal(report, {"--pdf", "a"}), HasSubstr("--pdf"));
    EXPECT_THAT(refusal(report, {"/absent.h5"}), HasSubstr("does not exist"));
    EXPECT_THAT(refusal(report, {"/dev/null", "--from-proc", "/"}), HasSubstr("in the place of results"));
    EXPECT_THAT(refusal(export_command(), {"--formt", "csv"}), HasSubstr("--format"));
    EXPECT_THAT(refusal(export_command(), {"--from-proc", "/"}), HasSubstr("not understood"));
}

TEST(PythonCommand, HandsItsWordsToThePackage) {
    const std::vector<std::string> words{"/dev/null", "--format", "csv"};
    EXPECT_THAT(python_words(export_command(), words),
                ElementsAre("/usr/bin/python3", "-m", "pagewalk.export", "--format", "csv", "/dev/null"));
    const std::vector<std::string> real{"--from-proc", "texts"};
    EXPECT_THAT(python_words(report_command(), real),
                ElementsAre("/usr/bin/python3", "-m", "pagewalk.report", "--from-proc", "texts"));
}

} // namespace
} // namespace pagewalk::app
