#include "os/file/file_system.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::FileRig;

struct ColdFiles : testing::Test, test::ColdFile {};

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
    EXPECT_EQ(rig.counters.nr_dirty, 0U);
    rig.at_once([&](Operation& op) { rig.files.set_dirty(op, page.frame); });
    EXPECT_EQ(rig.counters.nr_dirty, 1U);
}

TEST_F(ColdFiles, AreKnownByTheirNames) {
    const auto again = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    const auto other = rig.at_once([&](Operation& op) { return rig.files.open(op, "/other"); });
    EXPECT_EQ(again, file);
    EXPECT_NE(other, file);
    EXPECT_EQ(rig.files.at(file).users, 2U);
}

TEST_F(ColdFiles, DropWhatNobodyElseUses) {
    const auto page_of = [&](std::uint64_t index) {
        return rig.at_once(
            [&](Operation& op) { return rig.files.get_page_for_write(op, file, index).frame; });
    };
    for (std::uint64_t index = 0; index < 4; ++index) (void)page_of(index);
    rig.at_once([&](Operation& op) { rig.files.set_dirty(op, page_of(1)); });
    ++rig.frames.pages().at(page_of(2)).refcount; // mapped, or read just now
    rig.at_once([&](Operation& op) { rig.files.drop_clean(op, file, 0, 4); });
    EXPECT_EQ(rig.files.at(file).pages.next(0), 1U);
    EXPECT_EQ(rig.files.at(file).pages.next(2), 2U);
    EXPECT_EQ(rig.files.cached_pages(), 2U);
    EXPECT_TRUE(rig.files.at(file).stored.contains(3)); // from the cache only
}

TEST_F(ColdFiles, AllLoseTheirCleanPagesWhenCachesAreDropped) {
    const InodeId other = rig.at_once([&](Operation& op) { return rig.files.open(op, "/other"); });
    rig.at_once([&](Operation& op) {
        for (const InodeId each : {file, other})
            for (std::uint64_t index = 0; index < 3; ++index)
                (void)rig.files.get_page_for_write(op, each, index);
        rig.files.set_dirty(op, rig.files.at(other).pages.find(1));
        rig.files.drop_caches(op);
    });
    EXPECT_EQ(rig.files.at(file).pages.count(), 0U);
    EXPECT_EQ(rig.files.at(other).pages.next(0), 1U);
    EXPECT_EQ(rig.files.cached_pages(), 1U);
    EXPECT_EQ(rig.files.cache_drops(), 1U);
}

TEST_F(ColdFiles, StayUntilTheirLastUserGoesOnceTheirNameIsGone) {
    rig.at_once([&](Operation& op) { (void)rig.files.get_page_for_write(op, file, 0); });
    rig.at_once([&](Operation& op) { rig.files.unlink(op, "/data"); });
    EXPECT_EQ(rig.files.cached_pages(), 1U);
    const auto other = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    EXPECT_NE(other, file);
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, file); });
    EXPECT_EQ(rig.files.cached_pages(), 0U);
    EXPECT_EQ(rig.objects.objects(ObjectKind::Inode), 1U); // the other's
}

TEST_F(ColdFiles, KeepTheirPagesWithoutUsers) {
    rig.at_once([&](Operation& op) { (void)rig.files.get_page_for_write(op, file, 0); });
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, file); });
    EXPECT_EQ(rig.files.cached_pages(), 1U);
}

TEST_F(ColdFiles, GrowByWritesBehindTheirEnd) {
    rig.files.grow(file, 5000);
    EXPECT_EQ(rig.files.at(file).size, Inode::unknown_size);
    rig.files.add_file("/known", 3 * page_size + 1);
    const auto known = rig.at_once([&](Operation& op) { return rig.files.open(op, "/known"); });
    EXPECT_EQ(rig.files.at(known).page_count(), 4U);
    rig.files.grow(known, 100);
    EXPECT_EQ(rig.files.at(known).size, 3 * page_size + 1);
    rig.files.grow(known, 5 * page_size);
    EXPECT_EQ(rig.files.at(known).page_count(), 5U);
}

TEST_F(ColdFiles, LieInMemoryBelowAMountedTmpfs) {
    rig.files.set_tmpfs("/tmpfs/");
    for (const char* name : {"/tmpfs/a", "/dev/shm/b"}) {
        const auto id = rig.at_once([&](Operation& op) { return rig.files.open(op, name); });
        EXPECT_EQ(rig.files.at(id).kind, InodeKind::Shmem);
        rig.at_once([&](Operation& op) { rig.files.drop_user(op, id); });
        EXPECT_TRUE(rig.files.at(id).in_use) << "its name keeps it";
    }
}

TEST(WarmFiles, BringPagesInWithoutTheDisk) {
    FileRig rig{FileCache::Warm};
    const auto file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    const auto page = rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 100); });
    EXPECT_TRUE(rig.files.ready(page));
    EXPECT_FALSE(page.was_missing);
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
    Pfn activated = no_pfn;
    rig.files.on_activation([&](Operation&, Pfn frame) { activated = frame; });
    rig.at_once([&](Operation& op) { rig.files.mark_accessed(op, page.frame); });
    EXPECT_NE(flags() & frame_flags::referenced, 0);
    EXPECT_EQ(activated, no_pfn);
    rig.at_once([&](Operation& op) { rig.files.mark_accessed(op, page.frame); });
    EXPECT_EQ(flags() & frame_flags::referenced, 0);
    EXPECT_EQ(activated, page.frame);
}

} // namespace
} // namespace pagewalk::os
