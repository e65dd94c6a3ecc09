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

} // namespace
} // namespace pagewalk::workloads
