#include "app/sweep_file.h"
#include "app/system_config.h"
#include "tests/unit/app/sweep_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(SweepFile, LayersBaseFilesAndItsOwnSettings) {
    const SweepFiles files;
    files.write("[machine]\ncpus = 2\nmemory = 1GiB\nname = base\n", "base.cfg");
    files.write("[machine]\nmemory = 2GiB\nname = file\n", "machine.cfg");
    const SweepFile file(
        files.write("base = base.cfg\n[machine]\nname = own\n[axis.a]\noption = machine.cpus\nvalues = 1\n"));
    SystemConfig config;
    const std::filesystem::path machine = files.folder() / "machine.cfg";
    file.configure(config.options, std::span(&machine, 1));
    EXPECT_EQ(config.machine.cpus, 2U);
    EXPECT_EQ(config.machine.memory, 2ULL << 30);
    EXPECT_EQ(config.machine.name, "own");
}

TEST(SweepFile, NamesFileLineAndKeyOfMistakes) {
    const SweepFiles files;
    EXPECT_THAT(files.refusal("[axis.a]\noptoin = x\n"),
                AllOf(HasSubstr("sweep.cfg:2"), HasSubstr("axis.a.option")));
    EXPECT_THAT(files.refusal("[sweep]\nrepeat = 2\n"),
                AllOf(HasSubstr("sweep.cfg:2"), HasSubstr("sweep.repeats")));
    EXPECT_THAT(files.refusal("[axis.Big]\noption = run.seed\n"), HasSubstr("small letters"));
    EXPECT_THAT(files.refusal("[axis.repeat]\noption = run.seed\n"), HasSubstr("other than and"));
    EXPECT_THAT(files.refusal("[machine]\ncpus = 1\n"), HasSubstr("nothing to sweep"));
    EXPECT_THAT(files.refusal("[machine]\ncpu = 1\n[axis.a]\noption = llc.ways\nvalues = 8\n"),
                HasSubstr("machine.cpu"));
}

} // namespace
} // namespace pagewalk::app
