#include "app/list_options.h"
#include "app/system_config.h"
#include "base/error.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string listed(std::vector<std::string> words) {
    testing::internal::CaptureStdout();
    const int status = run_options(words);
    std::string text = testing::internal::GetCapturedStdout();
    EXPECT_EQ(status, 0);
    return text;
}

TEST(ListOptions, TellsDefaultRangeUnitMeaningAndSource) {
    const std::string text = listed({"machine.memory"});
    EXPECT_THAT(text, HasSubstr("machine.memory = 4GiB\n    memory of all sockets together\n"));
    EXPECT_THAT(text, HasSubstr("allowed: 128MiB to 15TiB; unit: bytes; source: user"));
}

TEST(ListOptions, ListsEveryOption) {
    const std::string text = listed({});
    const SystemConfig config;
    for (const Option& option : config.options.all())
        EXPECT_THAT(text, HasSubstr(option.key + " = ")) << option.key;
}

TEST(ListOptions, SelectsByGlob) {
    const std::string text = listed({"machine.*"});
    EXPECT_THAT(text, HasSubstr("machine.cpus = "));
    EXPECT_THAT(text, Not(HasSubstr("core.rob_entries")));
}

TEST(ListOptions, RefusesAGlobThatMatchesNothing) {
    const std::vector<std::string> words{"rob"};
    EXPECT_THAT([&] { run_options(words); }, testing::ThrowsMessage<InputError>(HasSubstr("*rob*")));
}

TEST(ListOptions, RefusesTwoGlobs) {
    const std::vector<std::string> words{"machine.*", "core.*"};
    EXPECT_THROW(run_options(words), InputError);
}

TEST(OptionTables, HaveOneRowAnOptionAndOneTableASection) {
    std::ostringstream out;
    print_option_tables(out);
    const SystemConfig config;
    std::istringstream lines(out.str());
    std::size_t rows = 0, headings = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("## ")) ++headings;
        if (!line.starts_with("| ") || line.starts_with("| key |") || line.starts_with("| --- |")) continue;
        ++rows;
        EXPECT_EQ(std::ranges::count(line, '|'), 7) << line;
    }
    // What a configuration has none of: [program.N], [sweep], [axis.NAME] and [slurm].
    constexpr std::size_t of_programs = 13, of_sweeps = 17;
    EXPECT_EQ(rows, config.options.all().size() + of_programs + of_sweeps);
    EXPECT_NE(out.str().find("## program.N\n"), std::string::npos);
    EXPECT_GT(headings, 10U);
}

} // namespace
} // namespace pagewalk::app
