#include "app/words.h"
#include "base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitWords, SplitsAtBlanksAndTabs) {
    EXPECT_THAT(split_words("  ls \t-l  /tmp "), ElementsAre("ls", "-l", "/tmp"));
}

TEST(SplitWords, FindsNoWordInBlanks) {
    EXPECT_THAT(split_words(""), IsEmpty());
    EXPECT_THAT(split_words(" \t "), IsEmpty());
}

TEST(SplitWords, KeepsBlanksWithinQuotes) {
    EXPECT_THAT(split_words(R"(sh -c 'echo "a b"' "c 'd'")"),
                ElementsAre("sh", "-c", "echo \"a b\"", "c 'd'"));
}

TEST(SplitWords, KeepsEmptyQuotedWords) { EXPECT_THAT(split_words("a '' \"\""), ElementsAre("a", "", "")); }

TEST(SplitWords, JoinsQuotedAndPlainParts) { EXPECT_THAT(split_words("a'b c'd"), ElementsAre("ab cd")); }

TEST(SplitWords, BackslashKeepsOneCharacter) {
    EXPECT_THAT(split_words(R"(a\ b \' c\\d)"), ElementsAre("a b", "'", R"(c\d)"));
}

TEST(SplitWords, RefusesOpenQuotes) {
    EXPECT_THROW((void)split_words("ls 'a"), InputError);
    EXPECT_THROW((void)split_words("ls \"a"), InputError);
}

TEST(ShellQuoted, LeavesPlainWordsAlone) { EXPECT_EQ(shell_quoted("a/b-1.cfg=2"), "a/b-1.cfg=2"); }

TEST(ShellQuoted, IsReadBackByTheSplitter) {
    for (const char* word : {"", "a b", "$HOME", "\"", "`ls`", "a\\b", "*", ";"})
        EXPECT_THAT(split_words(shell_quoted(word)), ElementsAre(word));
}

TEST(ShellQuoted, EscapesSingleQuotes) { EXPECT_EQ(shell_quoted("it's"), R"('it'\''s')"); }

} // namespace
} // namespace pagewalk::app
