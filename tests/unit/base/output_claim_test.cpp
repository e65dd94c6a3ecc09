#include "base/output_claim.h"
#include "base/scratch_folder.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace pagewalk;
using testing::AllOf;
using testing::HasSubstr;

namespace {

namespace fs = std::filesystem;

class Claims : public testing::Test {
protected:
    void write(const std::string& name, const std::string& content) const {
        std::ofstream(folder / name) << content;
    }
    std::string read(const std::string& name) const {
        std::ifstream in(folder / name);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    /// Files that begin with "ours" are.
    static bool is_ours(const fs::path& file) {
        std::string word;
        std::ifstream(file) >> word;
        return word == "ours";
    }
    template <class Error>
    std::string refusal(const std::string& name,
                        OutputClaim::Existing existing = OutputClaim::Existing::MayBeReplaced) const {
        try {
            const OutputClaim claim(folder / name, is_ours, existing);
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    }

    ScratchFolder folder;
};

} // namespace

TEST_F(Claims, OneAtATimeAndTheOtherIsToldWhoHoldsIt) {
    {
        const OutputClaim claim(folder / "run", is_ours);
        EXPECT_FALSE(claim.replaces());
        EXPECT_THAT(
            refusal<OutputTaken>("run"),
            AllOf(HasSubstr("process " + std::to_string(::getpid()) + " on "), HasSubstr("is writing it")));
        const OutputClaim other(folder / "other", is_ours);
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
    const OutputClaim again(folder / "run", is_ours);
}

TEST_F(Claims, AKilledProcessesLockIsTakenOverAndItsTemporaryRemoved) {
    const pid_t child = ::fork();
    if (child == 0) {
        const OutputClaim claim(folder / "run", is_ours);
        std::ofstream(claim.temporary()) << "half";
        ::raise(SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    ASSERT_TRUE(fs::exists(folder / "run.tmp"));
    {
        const OutputClaim claim(folder / "run", is_ours);
        EXPECT_FALSE(fs::exists(claim.temporary()));
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST_F(Claims, OnlyFilesOfOursAndEmptyOnesMayBeReplaced) {
    write("foreign", "precious");
    EXPECT_THAT(refusal<OutputRefused>("foreign"), HasSubstr("would be lost"));
    EXPECT_EQ(read("foreign"), "precious");
    write("old", "ours");
    EXPECT_TRUE(OutputClaim(folder / "old", is_ours).replaces());
    EXPECT_THAT(refusal<OutputTaken>("old", OutputClaim::Existing::IsRefused), HasSubstr("already"));
    write("empty", "");
    EXPECT_FALSE(OutputClaim(folder / "empty", is_ours).replaces());
    EXPECT_THAT(refusal<OutputTaken>("empty", OutputClaim::Existing::IsRefused), HasSubstr("already"));
    EXPECT_EQ(refusal<OutputRefused>("new", OutputClaim::Existing::IsRefused), "no error");
}

TEST_F(Claims, NamesBesideItAreNotTakenFromOthers) {
    for (const std::string suffix : {".tmp", ".partial", ".lock"}) {
        write("run" + suffix, "precious");
        EXPECT_THAT(refusal<OutputRefused>("run"), HasSubstr("run" + suffix + " is in the way"));
        EXPECT_EQ(read("run" + suffix), "precious");
        fs::remove(folder / ("run" + suffix));
    }
    write("victim", "precious");
    fs::create_symlink(folder / "victim", folder / "run.tmp");
    EXPECT_THAT(refusal<OutputRefused>("run"), HasSubstr("in the way"));
    fs::remove(folder / "run.tmp");
    fs::create_symlink(folder / "victim", folder / "run.lock");
    EXPECT_NE(refusal<std::system_error>("run"), "no error");
    EXPECT_EQ(read("victim"), "precious");
}

TEST_F(Claims, ALinkStandsForWhatItNames) {
    write("target", "ours");
    fs::create_symlink("target", folder / "link");
    const OutputClaim claim(folder / "link", is_ours);
    EXPECT_EQ(claim.file(), fs::canonical(folder / "target"));
    EXPECT_TRUE(claim.replaces());
    EXPECT_THAT(refusal<OutputTaken>("target"), HasSubstr("is writing it"));
}

TEST_F(Claims, FoldersDevicesAndMissingFoldersAreRefused) {
    EXPECT_EQ(refusal<OutputRefused>(""), "it is a folder");
    fs::create_symlink("/dev/null", folder / "null");
    EXPECT_EQ(refusal<OutputRefused>("null"), "it is a device, pipe or socket");
    EXPECT_THAT(refusal<std::system_error>("absent/run"), HasSubstr("No such file"));
}
