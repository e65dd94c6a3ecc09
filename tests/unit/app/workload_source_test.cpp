#include "app/workload_source.h"
#include "base/error.h"
#include "tests/unit/results/sample_run.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class WorkloadSource : public testing::Test {
protected:
    void set(const char* key, const std::string& value) { config.options.set(key, value, "test.cfg:1"); }
    [[nodiscard]] std::unique_ptr<Workload> open(std::vector<std::string> program = {},
                                                 const std::string& trace = {}) const {
        return open_workload(config, program, trace, {.directory = config.workload.directory});
    }
    [[nodiscard]] std::string file(const char* name, std::string_view content) const {
        const std::string path = folder / name;
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }

    static constexpr const char* lackey = "I  00400000,3\n L 7fff0000,8\nI  00400003,4\n";

    ScratchFolder folder;
    SystemConfig config;
};

TEST_F(WorkloadSource, MakesEveryGenerator) {
    set("workload.kind", "synthetic");
    for (const std::string_view name : workloads::synthetic_names()) {
        set("workload.synthetic", std::string(name));
        EXPECT_THAT(open()->description(), HasSubstr(std::string(name)));
    }
}

TEST_F(WorkloadSource, NamesTheGeneratorsWhenThereIsNoSuch) {
    set("workload.kind", "synthetic");
    set("workload.synthetic", "gulps");
    EXPECT_THAT([this] { (void)open(); },
                ThrowsMessage<InputError>(testing::AllOf(HasSubstr("gulps"), HasSubstr("gups"))));
}

TEST_F(WorkloadSource, OpensTheConfiguredTrace) {
    set("workload.kind", "trace");
    set("workload.trace", file("small.lackey", lackey));
    EXPECT_THAT(open()->description(), HasSubstr("small.lackey"));
}

TEST_F(WorkloadSource, CommandLineTraceWinsOverTheConfiguration) {
    set("workload.kind", "synthetic");
    EXPECT_THAT(open({}, file("small.lackey", lackey))->description(), HasSubstr("small.lackey"));
}

TEST_F(WorkloadSource, TraceKindNeedsATrace) {
    set("workload.kind", "trace");
    EXPECT_THAT([this] { (void)open(); }, ThrowsMessage<ConfigError>(testing::AllOf(
                                              HasSubstr("test.cfg:1"), HasSubstr("workload.trace"))));
}

TEST_F(WorkloadSource, RecordingsAreKnownByTheirMagic) {
    const std::string path =
        file("other.trace", std::string("PGWKPWT\n\x63\0\0\0\0\0\0\0", 16) + std::string(64, '\0'));
    EXPECT_THAT([&] { (void)open({}, path); }, ThrowsMessage<InputError>(HasSubstr("version")));
}

TEST_F(WorkloadSource, RefusesTraceAndProgramTogether) {
    EXPECT_THAT([this] { (void)open({"ls"}, "file"); }, ThrowsMessage<InputError>(HasSubstr("not both")));
}

TEST_F(WorkloadSource, RefusesToRunNothing) {
    EXPECT_THAT([this] { (void)open(); }, ThrowsMessage<InputError>(HasSubstr("workload.program")));
}

TEST_F(WorkloadSource, RefusesAProgramThatIsNotThere) {
    EXPECT_THAT([this] { (void)open({"/no/such/program"}); },
                ThrowsMessage<InputError>(HasSubstr("/no/such/program")));
}

TEST_F(WorkloadSource, SetupRunsInTheProgramsDirectory) {
    const std::filesystem::path inner = folder / "it's inside";
    std::filesystem::create_directory(inner);
    set("workload.directory", inner.string());
    set("workload.setup", "touch made");
    EXPECT_THROW((void)open({"/no/such/program"}), InputError);
    EXPECT_TRUE(std::filesystem::exists(inner / "made"));
}

TEST_F(WorkloadSource, FailingSetupIsRefused) {
    set("workload.setup", "exit 3");
    EXPECT_THAT([this] { (void)open({"ls"}); },
                ThrowsMessage<InputError>(HasSubstr("workload.setup = exit 3")));
}

} // namespace
} // namespace pagewalk::app
