#include "base/scratch_folder.h"
#include "results/file_checksum.h"

#include <fstream>
#include <system_error>

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(FileChecksum, IsTheCrc32OfTheBytes) {
    const ScratchFolder folder;
    std::ofstream(folder / "text") << "123456789";
    EXPECT_EQ(file_checksum(folder / "text"), 0xcbf43926u); // the check value that CRC catalogues give
    std::ofstream(folder / "empty");
    EXPECT_EQ(file_checksum(folder / "empty"), 0u);
}

TEST(FileChecksum, SeesEveryMebibyte) {
    const ScratchFolder folder;
    std::string text(3 << 20, 'a');
    std::ofstream(folder / "a") << text;
    text.back() = 'b';
    std::ofstream(folder / "b") << text;
    EXPECT_NE(file_checksum(folder / "a"), file_checksum(folder / "b"));
}

TEST(FileChecksum, NamesTheFileThatCannotBeRead) {
    EXPECT_THROW((void)file_checksum("/absent/file"), std::system_error);
}

} // namespace
} // namespace pagewalk::results
