#include "os/file/open_files.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Descriptors : testing::Test {
    test::FileRig rig{FileCache::Cold};
    OpenFiles open_files{rig.objects, rig.files};
    std::shared_ptr<FileDescriptors> files = open_files.create();

    void open(std::uint64_t fd, std::string_view path) {
        rig.at_once([&](Operation& op) { open_files.open(op, *files, fd, path); });
    }
    void close(std::uint64_t fd) {
        rig.at_once([&](Operation& op) { open_files.close(op, *files, fd); });
    }
    [[nodiscard]] std::uint64_t open_files_made() const { return rig.objects.objects(ObjectKind::File); }
};

TEST_F(Descriptors, OfOneNameAreOneFileWithPositionsOfTheirOwn) {
    open(3, "/data");
    open(4, "/data");
    EXPECT_EQ(files->find(3)->inode, files->find(4)->inode);
    files->find(3)->position = 100;
    EXPECT_EQ(files->find(4)->position, 0U);
    EXPECT_EQ(rig.files.at(files->find(3)->inode).users, 2U);
}

TEST_F(Descriptors, ThatAreDuplicatedShareAPositionUntilTheLastIsClosed) {
    open(3, "/data");
    rig.at_once([&](Operation& op) { open_files.duplicate(op, *files, 3, 7); });
    files->find(3)->position = 100;
    EXPECT_EQ(files->find(7)->position, 100U);
    close(3);
    EXPECT_EQ(files->find(3), nullptr);
    EXPECT_EQ(open_files_made(), 1U);
    close(7);
    EXPECT_EQ(open_files_made(), 0U);
}

TEST_F(Descriptors, ThatAreOpenedAgainCloseWhatTheyWere) {
    open(3, "/data");
    const InodeId data = files->find(3)->inode;
    open(3, "/other");
    EXPECT_EQ(rig.files.at(data).users, 0U);
    EXPECT_EQ(open_files_made(), 1U);
}

TEST_F(Descriptors, ThatAreDuplicatedOntoAnOpenOneCloseIt) {
    open(3, "/data");
    open(4, "/other");
    rig.at_once([&](Operation& op) { open_files.duplicate(op, *files, 3, 4); });
    EXPECT_EQ(files->find(4), files->find(3));
    EXPECT_EQ(open_files_made(), 1U);
}

TEST_F(Descriptors, OfDevicesHaveNoPageCache) {
    open(3, "/dev/null");
    open(4, "/proc/self/maps");
    open(5, "/dev/shm/segment");
    EXPECT_EQ(files->find(3), nullptr);
    EXPECT_EQ(files->find(4), nullptr);
    EXPECT_NE(files->find(5), nullptr);
}

TEST_F(Descriptors, NeedALargerTableFromTheSixtyFifthOn) {
    open(63, "/data");
    EXPECT_EQ(files->capacity(), 64U);
    open(64, "/data");
    EXPECT_EQ(files->capacity(), 128U);
    open(300, "/data");
    EXPECT_EQ(files->capacity(), 512U);
}

TEST_F(Descriptors, OfAChildAreTheParentsFilesInATableOfItsOwn) {
    open(3, "/data");
    const auto child = rig.at_once([&](Operation& op) { return open_files.copy(op, *files); });
    EXPECT_EQ(child->find(3), files->find(3));
    close(3);
    EXPECT_NE(child->find(3), nullptr);
    rig.at_once([&](Operation& op) { open_files.close_all(op, *child); });
    EXPECT_EQ(open_files_made(), 0U);
}

} // namespace
} // namespace pagewalk::os
