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

    /// The cycle at which the micro-op's entries are free.
    std::uint64_t rename(const MicroOp& uop) {
        const RegisterFiles::Need need = files.rename(uop);
        const Cycles free = files.available(need);
        files.take(need, Cycles(next++));
        return free.value();
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

} // namespace
} // namespace pagewalk::models
