#include "workloads/qemu/memory_file.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

TEST(MemoryFile, IsWrittenByNameAndGoneWithItsOwner) {
    std::string name;
    {
        const MemoryFile file("test");
        name = file.name();
        std::ofstream(name) << "written by name";
        EXPECT_EQ(file.text(), "written by name");
    }
    EXPECT_FALSE(std::filesystem::exists(name));
}

TEST(MemoryFile, ForAnybodyLiesInAFolderThatOthersMayPassAndNotList) {
    std::filesystem::path name;
    {
        const MemoryFile file("test", OpenedBy::Anybody);
        name = file.name();
        std::ofstream(name) << "written by name";
        EXPECT_EQ(file.text(), "written by name");
        using std::filesystem::perms;
        EXPECT_EQ(std::filesystem::status(name).permissions() & perms::others_all,
                  perms::others_read | perms::others_write);
        EXPECT_EQ(std::filesystem::status(name.parent_path()).permissions() & perms::others_all,
                  perms::others_exec);
    }
    EXPECT_FALSE(std::filesystem::exists(name.parent_path()));
}

} // namespace
} // namespace pagewalk::workloads
