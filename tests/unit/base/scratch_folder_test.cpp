#include "base/scratch_folder.h"

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
