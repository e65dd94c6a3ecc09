#include "base/error.h"
#include "base/scratch_folder.h"
#include "os/replay/capture_files.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <lzma.h>

namespace pagewalk::os {
namespace {

namespace fs = std::filesystem;

class Captures : public testing::Test {
protected:
    fs::path write(const std::string& name, const std::string& data) const {
        fs::create_directories((m_folder / name).parent_path());
        std::ofstream(m_folder / name, std::ios::binary) << data;
        return m_folder / name;
    }

    static std::string tar_member(const std::string& name, const std::string& data) {
        std::array<char, 512> header{};
        std::memcpy(header.data(), name.data(), name.size());
        std::snprintf(header.data() + 124, 12, "%011zo", data.size());
        header[156] = '0';
        std::memcpy(header.data() + 257, "ustar", 5);
        std::string member(header.data(), header.size());
        member += data;
        member.resize((member.size() + 511) / 512 * 512, '\0');
        return member;
    }
    static std::string xz(const std::string& data) {
        std::string packed(lzma_stream_buffer_bound(data.size()), '\0');
        std::size_t size = 0;
        EXPECT_EQ(lzma_easy_buffer_encode(
                      1, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(data.data()),
                      data.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
                  LZMA_OK);
        packed.resize(size);
        return packed;
    }

    ScratchFolder m_folder;
};

TEST_F(Captures, AFolderAndItsArchiveAreTheSame) {
    write("c/snapA", "SNAP\n");
    write("c/format/kmem/mm_page_alloc", "name: x\n");
    const auto archive = write("c.tar.xz", xz(tar_member("c/snapA", "SNAP\n") +
                                              tar_member("c/format/kmem/mm_page_alloc", "name: x\n") +
                                              std::string(1024, '\0')));
    for (const std::string& path : {(m_folder / "c").string(), archive.string()}) {
        const CaptureFiles files(path);
        EXPECT_EQ(files.read("snapA"), "SNAP\n") << path;
        EXPECT_EQ(files.names("format/"), std::vector<std::string>{"format/kmem/mm_page_alloc"}) << path;
        EXPECT_FALSE(files.contains("snapB"));
        EXPECT_THROW((void)files.read("snapB"), InputError);
    }
}

TEST_F(Captures, DamagedArchivesAreRefused) {
    const std::string tar = tar_member("c/snapA", std::string(10'000, 'x')) + std::string(1024, '\0');
    const std::string packed = xz(tar);
    EXPECT_THROW(CaptureFiles(write("short.tar.xz", packed.substr(0, packed.size() / 2)).string()),
                 InputError);
    EXPECT_THROW(CaptureFiles(write("text.tar.xz", "not an archive").string()), InputError);
    EXPECT_THROW(CaptureFiles(write("cut.tar.xz", xz(tar.substr(0, 2000))).string()), InputError);
    EXPECT_THROW(CaptureFiles(write("noise.tar.xz", xz(std::string(2048, 'z'))).string()), InputError);
    EXPECT_THROW(CaptureFiles((m_folder / "missing").string()), InputError);
    EXPECT_THROW(CaptureFiles("/proc/self/mem"), InputError); // opens, and fails to be read
}

} // namespace
} // namespace pagewalk::os
