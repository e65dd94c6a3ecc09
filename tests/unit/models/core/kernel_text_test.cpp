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

TEST(TextRun, ALoneInstructionIsNotLoadAndStore) {
    TextRun run;
    run.add(1, 1, 1);
    EXPECT_EQ(run.free_loads + run.free_stores, 1U);
    EXPECT_EQ(run.chain(), 0U);
}

} // namespace
} // namespace pagewalk::models
