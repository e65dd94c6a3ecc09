#include "os/file/open_files.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0, test::cpu1;

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

TEST_F(Descriptors, OfOneNameAreOneFileThoughBothWaitedForMemory) {
    rig.use_up_memory();
    // Free objects that are left run out first.
    int opened = 0;
    while (rig.reclaimer.waiters.empty())
        rig.run(cpu0, [&, fd = opened++](Operation& op) {
            open_files.open(op, *files, static_cast<std::uint64_t>(fd), "/" + std::to_string(fd));
        });
    const std::string path = "/" + std::to_string(opened - 1);
    rig.run(cpu1, [&](Operation& op) { open_files.open(op, *files, 5000, path); });
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    const std::uint64_t dentries = rig.objects.objects(ObjectKind::Dentry);
    rig.give_back_memory(2000);
    while (rig.pick(cpu0) != nullptr || rig.pick(cpu1) != nullptr)
        if (!rig.reclaimer.waiters.empty()) rig.give_back_memory(1000);
    const InodeId inode = files->find(5000)->inode;
    EXPECT_EQ(files->find(static_cast<std::uint64_t>(opened - 1))->inode, inode);
    EXPECT_EQ(rig.files.at(inode).users, 2U);
    EXPECT_LE(rig.objects.objects(ObjectKind::Dentry), dentries + 1);
}

TEST_F(Descriptors, HaveTheLargestTableThatWasMadeWhileOneWaited) {
    open(3, "/data");
    rig.use_up_memory();
    const auto take = [&](std::uint64_t fd) {
        return [&, fd](Operation& op) { open_files.duplicate(op, *files, 3, fd); };
    };
    rig.run(cpu0, take(30000));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 1U);
    rig.run(cpu1, take(300)); // begins later and with less, and ends later
    rig.give_back_memory(2000);
    while (rig.pick(cpu0) != nullptr || rig.pick(cpu1) != nullptr) rig.give_back_memory(500);
    EXPECT_GE(files->capacity(), 30001U);
    EXPECT_NE(files->find(300), nullptr);
    EXPECT_NE(files->find(30000), nullptr);
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

TEST_F(Descriptors, CloseOnExecWhereTheyAreTold) {
    for (const std::uint64_t fd : {3, 4, 5}) open(fd, "/data");
    files->set_close_on_exec(3, true);
    files->set_close_on_exec(5, true);
    files->set_close_on_exec(99, true); // nothing is known of it
    open(5, "/data");                   // a new one
    const auto child = [&] {
        std::shared_ptr<FileDescriptors> copy;
        rig.at_once([&](Operation& op) { copy = open_files.copy(op, *files); });
        return copy;
    }();
    rig.at_once([&](Operation& op) { open_files.close_on_exec(op, *files); });
    EXPECT_EQ(files->find(3), nullptr);
    EXPECT_NE(files->find(4), nullptr);
    EXPECT_NE(files->find(5), nullptr);
    EXPECT_NE(child->find(3), nullptr);
    EXPECT_TRUE(child->closes_on_exec(3)); // as its parent's
}

} // namespace
} // namespace pagewalk::os
