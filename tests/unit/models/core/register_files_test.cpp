#include "contract/register_names.h"
#include "models/core/register_files.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

constexpr RegisterId integer = 1, other_integer = 2, vector = 17;

MicroOp writes(RegisterId first, RegisterId second = 0) {
    MicroOp uop;
    uop.destinations = {first, second};
    return uop;
}

/// Micro-op number i is committed at cycle i.
struct Renamer {
    RegisterFiles files;
    std::uint64_t next = 1;

    /// The cycle at which the micro-op's entries are free; 0 where they are at `now`.
    std::uint64_t rename(const MicroOp& uop, Cycles now = {}) {
        Cycles free;
        if (!files.reserve(uop)) free = files.reserve_from(uop, now);
        files.commit(Cycles(next++));
        return free <= now ? 0 : free.value();
    }
    void rename(std::size_t times, const MicroOp& uop) {
        for (std::size_t i = 0; i < times; ++i) (void)rename(uop);
    }
};

TEST(RegisterFiles, ResultWaitsForTheCommitThatFreesItsEntry) {
    Renamer renamer{RegisterFiles(10, 10)};
    // One entry is the register's own, nine are for results under way.
    renamer.rename(9, writes(integer));
    EXPECT_EQ(renamer.rename(writes(integer)), 1U);
    EXPECT_EQ(renamer.rename(writes(integer)), 2U);
}

TEST(RegisterFiles, EachRegisterThatWasWrittenKeepsAnEntry) {
    Renamer renamer{RegisterFiles(10, 10)};
    renamer.rename(4, writes(integer));
    renamer.rename(4, writes(other_integer));
    EXPECT_EQ(renamer.rename(writes(integer)), 1U);
}

TEST(RegisterFiles, MicroOpWithoutAResultWaitsForNone) {
    Renamer renamer{RegisterFiles(10, 10)};
    renamer.rename(9, writes(integer));
    EXPECT_EQ(renamer.rename(writes(0)), 0U);
    EXPECT_EQ(renamer.rename(writes(integer)), 1U);
}

TEST(RegisterFiles, FlagsShareTheEntryOfTheResultTheyComeWith) {
    Renamer renamer{RegisterFiles(10, 10)};
    renamer.rename(8, writes(integer, flags_register)); // both registers keep an entry
    EXPECT_EQ(renamer.rename(writes(integer, flags_register)), 1U);
    EXPECT_EQ(renamer.rename(writes(flags_register)), 2U);
}

TEST(RegisterFiles, VectorResultsHaveAFileOfTheirOwn) {
    Renamer renamer{RegisterFiles(10, 6)};
    renamer.rename(9, writes(integer));
    renamer.rename(5, writes(vector));
    EXPECT_EQ(renamer.rename(writes(vector)), 10U);
    EXPECT_EQ(renamer.rename(writes(integer)), 1U);
    EXPECT_EQ(renamer.rename(writes(integer, vector)), 11U);
}

TEST(RegisterFiles, OneFileHasAnEntryForEachResult) {
    Renamer renamer{RegisterFiles(10, 0)};
    renamer.rename(2, writes(vector, flags_register));
    renamer.rename(2, writes(vector, flags_register));
    EXPECT_EQ(renamer.rename(writes(vector, flags_register)), 1U);
    EXPECT_EQ(renamer.rename(writes(vector, flags_register)), 2U);
}

TEST(RegisterFiles, ValuesInsideAnInstructionTakeNone) {
    Renamer renamer{RegisterFiles(10, 10)};
    renamer.rename(9, writes(integer));
    EXPECT_EQ(renamer.rename(writes(first_internal_register)), 0U);
}

TEST(RegisterFiles, EntriesThatAreFreeAtOnceAreKnownUntilTheyAreTaken) {
    RegisterFiles files(100, 10);
    const auto takes = [&](std::uint64_t committed, std::uint64_t now) {
        const bool known = files.reserve(writes(integer));
        const bool waits = !known && files.reserve_from(writes(integer), Cycles(now)) > Cycles(now);
        files.commit(Cycles(committed));
        return waits;
    };
    for (int i = 0; i < 99; ++i) EXPECT_FALSE(takes(50, 0));
    EXPECT_TRUE(takes(60, 49));
    // All but that one are free from 50 on.
    for (int i = 0; i < 98; ++i) EXPECT_FALSE(takes(70, 50));
    EXPECT_TRUE(takes(80, 59));
}

TEST(RegisterFiles, FirstWriteTakesAnEntryFromThoseKnownToBeFree) {
    Renamer renamer{RegisterFiles(10, 10)};
    renamer.rename(8, writes(integer));
    EXPECT_EQ(renamer.rename(writes(other_integer)), 1U); // of nine left, one is other_integer's own
}

} // namespace
} // namespace pagewalk::models
