#include "base/scratch_folder.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include <gtest/gtest.h>

using namespace pagewalk;

namespace fs = std::filesystem;

TEST(ScratchFolder, IsItsUsersAloneAndGoesWithItsContent) {
    fs::path path;
    {
        const ScratchFolder folder, other;
        path = folder.path();
        EXPECT_NE(path, other.path());
        EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
        std::ofstream(folder / "file") << "text";
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST(ScratchFolder, IsMadeInTmpdir) {
    const ScratchFolder parent;
    const char* const before = std::getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TMPDIR", parent.path().c_str(), 1);
    {
        const ScratchFolder folder;
        EXPECT_EQ(folder.path().parent_path(), parent.path());
    }
    ::setenv("TMPDIR", (parent / "absent").c_str(), 1);
    EXPECT_THROW(ScratchFolder(), std::system_error);
    before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST(ScratchFolder, RemovesWhatAKilledProcessLeft) {
    const ScratchFolder parent;
    const char* const before = std::getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TMPDIR", parent.path().c_str(), 1);
    const auto hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    const auto make = [&](const char* name) {
        fs::create_directory(parent / name);
        std::ofstream((parent / name) / "file") << "text";
        fs::last_write_time(parent / name, hour_ago);
    };
    make("pagewalk-run.abandoned");
    make("somebody-elses");
    fs::create_directory(parent / "pagewalk-run.young");
    {
        const ScratchFolder used;
        fs::last_write_time(used.path(), hour_ago);
        const ScratchFolder other;
        EXPECT_TRUE(fs::exists(used.path()));
    }
    EXPECT_FALSE(fs::exists(parent / "pagewalk-run.abandoned"));
    EXPECT_TRUE(fs::exists(parent / "pagewalk-run.young"));
    EXPECT_TRUE(fs::exists(parent / "somebody-elses"));
    before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
}
