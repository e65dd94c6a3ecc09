#include "app/report.h"
#include "base/error.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

std::string refusal(const std::vector<std::string>& words) {
    try {
        run_report(words);
    } catch (const InputError& error) {
        return error.what();
    }
    return "reported";
}

TEST(Report, NamesWhatIsWrongWithItsWords) {
    EXPECT_THAT(refusal({}), HasSubstr("no results are named"));
    EXPECT_THAT(refusal({"a", "b"}), HasSubstr("one run or sweep"));
    EXPECT_THAT(refusal({"a", "-o"}), HasSubstr("-o names no folder"));
    EXPECT_THAT(refusal({"--pdf", "a"}), HasSubstr("--pdf"));
    EXPECT_THAT(refusal({"/absent.h5"}), HasSubstr("does not exist"));
}

} // namespace
} // namespace pagewalk::app
