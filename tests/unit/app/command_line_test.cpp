#include "app/command_line.h"
#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

namespace po = boost::program_options;
using testing::ElementsAre;
using testing::StartsWith;
using testing::ThrowsMessage;

struct CommandLineTest : testing::Test {
    CommandLineTest() {
        known.add_options()("rows", po::value(&rows))("all", po::bool_switch(&all))("file",
                                                                                    po::value(&files));
    }
    po::variables_map read(const std::vector<std::string>& words, int most = 1) {
        return read_command_line({"show", "pagewalk show FILE", words}, known, "file", most);
    }

    po::options_description known;
    unsigned rows = 7;
    bool all = false;
    std::vector<std::string> files;
};

TEST_F(CommandLineTest, ValuesGoWhereTheyAreDeclaredToGo) {
    const po::variables_map given = read({"--rows", "3", "a.h5", "--all"});
    EXPECT_EQ(rows, 3U);
    EXPECT_TRUE(all);
    EXPECT_THAT(files, ElementsAre("a.h5"));
    EXPECT_EQ(given.count("rows"), 1U);
}

TEST_F(CommandLineTest, WhatIsNotGivenStays) {
    const po::variables_map given = read({});
    EXPECT_EQ(rows, 7U);
    EXPECT_EQ(given.count("rows"), 0U);
}

TEST_F(CommandLineTest, TakesAsManyPlainWordsAsItMay) {
    read({"a.h5", "b.h5"}, -1);
    EXPECT_THAT(files, ElementsAre("a.h5", "b.h5"));
    EXPECT_THROW(read({"a.h5", "b.h5"}), InputError);
}

TEST_F(CommandLineTest, RefusesWithTheCommandTheMistakeAndTheUsage) {
    EXPECT_THAT(
        [&] {
            read({"--row", "3", "--absent"});
        },
        ThrowsMessage<InputError>(testing::AllOf(StartsWith("show: "), testing::HasSubstr("--absent"),
                                                 testing::EndsWith("\nusage: pagewalk show FILE"))));
    EXPECT_THAT([&] { read({"--rows", "many"}); }, ThrowsMessage<InputError>(testing::HasSubstr("many")));
}

} // namespace
} // namespace pagewalk::app
