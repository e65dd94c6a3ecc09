#include "app/programs.h"
#include "base/error.h"
#include "tests/unit/results/sample_run.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class ProgramsTest : public testing::Test {
protected:
    void set(const char* key, const std::string& value) { config.options.set(key, value, "test.cfg:1"); }
    [[nodiscard]] Programs open() {
        config.validate();
        return {config, ProgramSurroundings{}};
    }

    ScratchFolder folder;
    SystemConfig config;
};

TEST_F(ProgramsTest, AreWhatTheSectionsNameInTheOrderOfTheirNumbers) {
    set("program.7.synthetic", "gups");
    set("program.2.synthetic", "stream");
    set("program.2.cpus", "1-2");
    set("program.2.start", "3us");
    const Programs programs = open();
    EXPECT_TRUE(programs.side_by_side());
    ASSERT_EQ(programs.all().size(), 2U);
    const os::ProgramPlacement& placement = programs.all()[0].placement;
    EXPECT_EQ(placement.number, os::ProgramNumber{2});
    EXPECT_EQ(placement.allowed, CpuMask(0b110));
    EXPECT_EQ(placement.begin, Tick(3'000'000));
    EXPECT_EQ(programs.all()[1].placement.number, os::ProgramNumber{7});
    EXPECT_TRUE(programs.all()[1].placement.allowed.all());
    EXPECT_THAT(programs.description(), testing::MatchesRegex("stream.* \\| gups.*"));
}

TEST_F(ProgramsTest, ExpectTheirLimitEachBecauseTracesBeginAgain) {
    set("program.1.synthetic", "gups");
    set("program.2.synthetic", "gups");
    set("synthetic.instructions", "10k");
    EXPECT_EQ(open().expected_instructions(), 20'000U);
    set("run.instructions", "50k");
    set("run.warmup", "1k");
    EXPECT_EQ(open().expected_instructions(), 102'000U);
}

TEST_F(ProgramsTest, NothingIsStartedWhereOneOfThemCannotBe) {
    const std::string witness = folder / "started";
    set("program.1.command", "touch " + witness);
    set("program.2.trace", folder / "none.xz");
    EXPECT_THAT([this] { (void)open(); }, ThrowsMessage<InputError>(HasSubstr("none.xz")));
    set("program.2.trace", "");
    set("program.2.command", "no_such_program_anywhere");
    EXPECT_THAT([this] { (void)open(); }, ThrowsMessage<InputError>(HasSubstr("no_such_program_anywhere")));
    EXPECT_FALSE(std::filesystem::exists(witness));
}

TEST_F(ProgramsTest, OfOneWorkloadAreNotSideBySide) {
    set("workload.kind", "synthetic");
    const Programs programs(config, open_workload(config, {}, ""));
    EXPECT_FALSE(programs.side_by_side());
    ASSERT_EQ(programs.all().size(), 1U);
    EXPECT_EQ(programs.all()[0].placement.number, os::ProgramNumber{});
    EXPECT_FALSE(programs.all()[0].can_restart());
}

} // namespace
} // namespace pagewalk::app
