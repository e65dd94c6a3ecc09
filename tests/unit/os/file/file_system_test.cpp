#include "os/file/file_system.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::FileRig;

struct ColdFiles : testing::Test {
    FileRig rig{FileCache::Cold};
    InodeId file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    int read = 0; ///< readers that have their page

    auto reader(std::uint64_t index) {
        return [this, index](Operation& op) {
            const FileSystem::Page page = rig.files.get_page(op, file, index);
            if (!rig.files.ready(page)) rig.files.wait_for(op, page);
            ++read;
        };
    }
    [[nodiscard]] std::uint64_t requested(std::size_t request) const {
        return rig.disk.submitted.at(request).bytes / page_size;
    }
};

TEST_F(ColdFiles, ReadAPageOnceForTwoReaders) {
    rig.run(cpu0, reader(0));
    rig.run(cpu1, reader(0));
    EXPECT_EQ(read, 0);
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    rig.complete(0);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(read, 2);
    EXPECT_EQ(rig.files.cached_pages(), 4U); // with the readahead window
}

TEST_F(ColdFiles, ReadAPageOnceForTwoReadersThatWaitedForMemory) {
    rig.use_up_memory();
    rig.run(cpu0, reader(0));
    rig.run(cpu1, reader(0));
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    rig.give_back_memory(1000);
    rig.pick(cpu0);
    rig.pick(cpu1);
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(requested(0), 4U);
    rig.complete(0);
    rig.pick(cpu0);
    rig.pick(cpu1);
    EXPECT_EQ(read, 2);
    EXPECT_EQ(rig.files.cached_pages(), 4U);
}

TEST_F(ColdFiles, ReadLargerWindowsForASequentialReader) {
    for (std::uint64_t index = 0; index < 28; ++index) {
        rig.run(cpu0, reader(index));
        for (std::size_t i = 0; i < rig.disk.submitted.size() && read != static_cast<int>(index) + 1; ++i)
            if (i + 1 == rig.disk.submitted.size()) {
                rig.complete(i);
                rig.pick(cpu0);
            }
        ASSERT_EQ(read, static_cast<int>(index) + 1);
    }
    ASSERT_EQ(rig.disk.submitted.size(), 3U);
    EXPECT_EQ(requested(0), 4U);
    EXPECT_EQ(requested(1), 8U);
    EXPECT_EQ(requested(2), 16U);
}

TEST_F(ColdFiles, AreTruncatedOnceAPageThatIsBeingReadIsThere) {
    rig.run(cpu0, reader(0));
    bool truncated = false;
    rig.run(cpu1, [&](Operation& op) {
        rig.files.truncate(op, file, 0);
        truncated = true;
    });
    EXPECT_FALSE(truncated);
    EXPECT_EQ(rig.files.cached_pages(), 4U); // the disk still writes into them
    rig.complete(0);
    rig.pick(cpu1);
    EXPECT_TRUE(truncated);
    EXPECT_EQ(rig.files.cached_pages(), 0U);
    rig.pick(cpu0);
    EXPECT_EQ(read, 1);
}

TEST_F(ColdFiles, NeedNoReadingForAPageThatIsWrittenAsAWhole) {
    const FileSystem::Page page =
        rig.at_once([&](Operation& op) { return rig.files.get_page_for_write(op, file, 7); });
    EXPECT_TRUE(rig.files.ready(page));
    EXPECT_TRUE(rig.disk.submitted.empty());
    EXPECT_EQ(rig.counters.nr_dirty, 1U);
}

TEST_F(ColdFiles, HaveBeenReadByTheTimeAProgramsLoaderIsDone) {
    const auto page = rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 3); });
    EXPECT_TRUE(rig.files.ready(page));
    EXPECT_TRUE(rig.disk.submitted.empty());
}

TEST_F(ColdFiles, AreKnownByTheirNames) {
    const auto again = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    const auto other = rig.at_once([&](Operation& op) { return rig.files.open(op, "/other"); });
    EXPECT_EQ(again, file);
    EXPECT_NE(other, file);
    EXPECT_EQ(rig.files.at(file).users, 2U);
}

TEST(WarmFiles, BringPagesInWithoutTheDisk) {
    FileRig rig{FileCache::Warm};
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    const auto page = rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 100); });
    EXPECT_TRUE(rig.files.ready(page));
    EXPECT_FALSE(page.read_from_disk);
    EXPECT_TRUE(rig.disk.submitted.empty());
}

TEST(FilesInMemory, DieWithTheirLastUser) {
    FileRig rig{FileCache::Cold};
    const auto file = rig.at_once([&](Operation& op) { return rig.files.create_shmem(op, "memfd"); });
    rig.at_once([&](Operation& op) { (void)rig.files.get_page(op, file, 0); });
    rig.files.add_user(file);
    EXPECT_EQ(rig.counters.nr_shmem, 1U);
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, file); });
    EXPECT_EQ(rig.counters.nr_shmem, 1U);
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, file); });
    EXPECT_EQ(rig.counters.nr_shmem, 0U);
    EXPECT_EQ(rig.files.cached_pages(), 0U);
    EXPECT_EQ(rig.objects.objects(ObjectKind::ShmemInode), 0U);
}

TEST(Pages, BecomeReferencedWithTheFirstAccessAndActiveWithTheSecond) {
    FileRig rig{FileCache::Warm};
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    const auto page = rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 0); });
    const auto flags = [&] { return rig.frames.pages().peek(page.frame).owner_flags; };
    rig.at_once([&](Operation& op) { rig.files.mark_accessed(op, page.frame); });
    EXPECT_NE(flags() & frame_flags::referenced, 0);
    EXPECT_EQ(flags() & frame_flags::active, 0);
    rig.at_once([&](Operation& op) { rig.files.mark_accessed(op, page.frame); });
    EXPECT_EQ(flags() & frame_flags::referenced, 0);
    EXPECT_NE(flags() & frame_flags::active, 0);
}

} // namespace
} // namespace pagewalk::os
