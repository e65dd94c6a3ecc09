#include "base/error.h"
#include "base/scratch_folder.h"
#include "workloads/qemu/guest_executable.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

class GuestExecutableTest : public testing::Test {
protected:
    std::string file(const std::string& name, const std::string& content, bool executable = true) const {
        const std::string path = folder + "/" + name;
        std::ofstream(path, std::ios::binary) << content;
        if (executable) std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }
    static int error_of(const std::string& path) {
        const auto found = resolve_executable(path, {"x"});
        return found ? 0 : found.error().error;
    }
    static std::string a_program() {
        std::ifstream in("/bin/true", std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    const ScratchFolder scratch;
    std::string folder = scratch.path();
};

TEST_F(GuestExecutableTest, TakesAnElfProgramAsItIs) {
    const auto found = resolve_executable("/bin/true", {"true", "a"});
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->path, "/bin/true");
    EXPECT_THAT(found->argv, testing::ElementsAre("true", "a"));
}

TEST_F(GuestExecutableTest, FollowsScriptsWithOneArgumentEach) {
    const std::string inner = file("inner", "#!/bin/sh -e  -x\n");
    const std::string outer = file("outer", "#! " + inner + "\n");
    const auto found = resolve_executable(outer, {"name", "a"});
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->path, "/bin/sh");
    EXPECT_THAT(found->argv, testing::ElementsAre("/bin/sh", "-e  -x", inner, outer, "a"));
}

TEST_F(GuestExecutableTest, LooksRelativeNamesUpInTheCallersDirectory) {
    file("here.sh", "#!/bin/sh\n");
    const auto found = resolve_executable("./here.sh", {"./here.sh"}, folder);
    ASSERT_TRUE(found.has_value());
    EXPECT_THAT(found->argv, testing::ElementsAre("/bin/sh", "./here.sh"));
    EXPECT_EQ(error_of("./here.sh"), ENOENT);
}

TEST_F(GuestExecutableTest, FailsWithTheErrnoOfLinux) {
    EXPECT_EQ(error_of(folder + "/missing"), ENOENT);
    EXPECT_EQ(error_of(folder), EACCES);
    EXPECT_EQ(error_of(file("data", "#!/bin/sh\n", false)), EACCES);
    EXPECT_EQ(error_of(file("empty", "")), ENOEXEC);
    EXPECT_EQ(error_of(file("text", "echo\n")), ENOEXEC);
    EXPECT_EQ(error_of(file("lost", "#!/no/such/interpreter\n")), ENOENT);
    EXPECT_EQ(error_of(file("bare", "#!\n")), ENOEXEC);
    const std::string self = folder + "/self";
    EXPECT_EQ(error_of(file("self", "#!" + self + "\n")), ELOOP);
}

TEST_F(GuestExecutableTest, NamesCodeOfAnotherMachine) {
    std::string program = a_program();
    program[18] = '\xb7'; // e_machine: AArch64
    program[19] = 0;
    const auto found = resolve_executable(file("foreign", program), {"x"});
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().error, ENOEXEC);
    EXPECT_TRUE(found.error().foreign_code);
    EXPECT_THAT(found.error().reason, testing::HasSubstr("machine 183"));
}

TEST_F(GuestExecutableTest, MissesTheDynamicLoader) {
    std::string program = a_program();
    const std::size_t loader = program.find("/lib64/ld-linux");
    ASSERT_NE(loader, std::string::npos);
    program[loader + 1] = 'L';
    EXPECT_EQ(error_of(file("unloadable", program)), ENOENT);
}

TEST_F(GuestExecutableTest, FindsCommandsByPath) {
    EXPECT_THAT(find_guest_executable({"true"}).path, testing::EndsWith("/true"));
    EXPECT_THROW(static_cast<void>(find_guest_executable({"no-such-command-anywhere"})), InputError);
}

} // namespace
} // namespace pagewalk::workloads
