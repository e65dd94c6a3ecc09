#include "models/core/kernel_text.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(TextShare, GivesALinesPartToEachAndAllInTheEnd) {
    constexpr std::uint32_t whole = 100, part = 30;
    TextShare share(part, whole, 0);
    std::uint32_t sum = 0;
    for (std::uint32_t done = 0; done < whole; done += instructions_a_line) {
        const std::uint32_t count = std::min(instructions_a_line, whole - done);
        const std::uint32_t given = share.of(count);
        EXPECT_LE(given, part * count / whole + 1);
        sum += given;
    }
    EXPECT_EQ(sum, part);
}

TEST(TextShare, GoesOnAfterLines) {
    TextShare all(30, 100, 0), rest(30, 100, 2);
    static_cast<void>(all.of(instructions_a_line) + all.of(instructions_a_line));
    EXPECT_EQ(rest.of(instructions_a_line), all.of(instructions_a_line));
    EXPECT_EQ(rest.of(4), all.of(4));
}

TEST(TextRun, ALinesFirstLoadAndStoreAreFree) {
    TextRun run;
    run.add(16, 4, 2);
    run.add(16, 0, 1);
    run.add(16, 1, 0);
    EXPECT_EQ(run.instructions, 48U);
    EXPECT_EQ(run.free_loads, 2U);
    EXPECT_EQ(run.free_stores, 2U);
    EXPECT_EQ(run.chain_loads, 3U);
    EXPECT_EQ(run.chain_stores, 1U);
    EXPECT_EQ(run.chain(), 44U);
}

TEST(TextRun, WholeLinesTogetherAreLikeOneByOne) {
    constexpr std::uint32_t whole = 1000;
    // None, less than one a line, some a line, nearly all of a line.
    for (const std::uint32_t part : {0U, 40U, 300U, 880U, 960U}) {
        TextShare together(part, whole, 0), apart(part, whole, 0), stores(50, whole, 0), same(50, whole, 0);
        TextRun some, other;
        for (const std::uint32_t lines : {1U, 7U, 0U, 3U}) {
            some.add_lines(lines, together, stores);
            for (std::uint32_t i = 0; i < lines; ++i)
                other.add(instructions_a_line, apart.of(instructions_a_line), same.of(instructions_a_line));
            EXPECT_EQ(some.instructions, other.instructions);
            EXPECT_EQ(some.free_loads, other.free_loads) << part;
            EXPECT_EQ(some.free_stores, other.free_stores);
            EXPECT_EQ(some.chain_loads, other.chain_loads) << part;
            EXPECT_EQ(some.chain_stores, other.chain_stores);
        }
    }
}

TEST(TextRun, ALoneInstructionIsNotLoadAndStore) {
    TextRun run;
    run.add(1, 1, 1);
    EXPECT_EQ(run.free_loads + run.free_stores, 1U);
    EXPECT_EQ(run.chain(), 0U);
}

} // namespace
} // namespace pagewalk::models
