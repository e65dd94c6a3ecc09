#include "os/file/writeback.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using test::FileRig;
using Mode = Writeback::Mode;

struct WrittenFiles : testing::Test {
    FileRig rig{FileCache::Cold};
    InodeId file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    Inode& inode = rig.files.at(file);
    Writeback& writeback = rig.files.writeback();

    void make_dirty(std::uint64_t first, std::uint64_t pages) {
        rig.at_once([&](Operation& op) {
            for (std::uint64_t index = first; index < first + pages; ++index)
                rig.files.set_dirty(op, rig.files.get_page_for_write(op, file, index).frame);
        });
    }
    std::uint64_t write(std::uint64_t first, std::uint64_t end, Mode mode = Mode::Start,
                        std::uint64_t most = Writeback::no_limit) {
        return rig.at_once([&](Operation& op) { return writeback.write(op, inode, first, end, mode, most); });
    }
    [[nodiscard]] std::uint64_t requested(std::size_t request) const {
        return rig.disk.submitted.at(request).bytes / page_size;
    }
    [[nodiscard]] std::uint16_t flags(std::uint64_t index) {
        return rig.frames.pages().peek(inode.pages.find(index)).owner_flags;
    }
};

TEST_F(WrittenFiles, CountTheirDirtyPages) {
    make_dirty(3, 4);
    make_dirty(5, 1);
    EXPECT_EQ(rig.counters.nr_dirty, 4U);
    EXPECT_EQ(rig.counters.nr_dirtied, 4U);
    EXPECT_EQ(inode.pages.next(0, PageTag::Dirty), 3U);
    rig.at_once([&](Operation& op) { rig.files.truncate(op, file, 5); });
    EXPECT_EQ(rig.counters.nr_dirty, 2U);
    rig.at_once([&](Operation& op) { rig.files.truncate(op, file, 0); });
    EXPECT_EQ(rig.counters.nr_dirty, 0U);
    EXPECT_TRUE(writeback.dirty_inodes().empty());
    EXPECT_TRUE(rig.disk.submitted.empty());
}

TEST_F(WrittenFiles, GoToTheDiskInRequestsOfNeighbours) {
    make_dirty(0, 400);
    make_dirty(500, 2);
    EXPECT_EQ(write(0, 501), 401U);
    ASSERT_EQ(rig.disk.submitted.size(), 3U);
    EXPECT_EQ(rig.disk.submitted[0].kind, BlockRequest::Kind::Write);
    EXPECT_EQ(requested(0), 320U);
    EXPECT_EQ(requested(1), 80U);
    EXPECT_EQ(requested(2), 1U);
    EXPECT_EQ(rig.counters.nr_dirty, 1U);
    EXPECT_EQ(rig.counters.nr_writeback, 401U);
    EXPECT_EQ(rig.counters.nr_written, 0U);
    EXPECT_EQ(rig.counters.pgpgout, 401U * 4);
}

TEST_F(WrittenFiles, AreCleanOnceTheDiskHasThem) {
    inode.stored.remove(0, 10);
    make_dirty(0, 2);
    write(0, 2);
    EXPECT_NE(flags(0) & frame_flags::writeback, 0);
    EXPECT_EQ(flags(0) & frame_flags::dirty, 0);
    EXPECT_TRUE(inode.pages.has_tag(1, PageTag::Writeback));
    rig.complete(0);
    EXPECT_EQ(flags(0) & frame_flags::writeback, 0);
    EXPECT_EQ(inode.pages.next(0, PageTag::Writeback), PageCache::none);
    EXPECT_EQ(rig.counters.nr_writeback, 0U);
    EXPECT_EQ(rig.counters.nr_written, 2U);
    EXPECT_TRUE(inode.stored.contains(1));
}

TEST_F(WrittenFiles, ThatReclaimHasGivenUpGoNextOnceTheDiskHasThem) {
    make_dirty(0, 2);
    const Pfn given_up = inode.pages.find(1);
    for (const std::uint64_t index : {0, 1}) {
        rig.frames.pages().at(inode.pages.find(index)).owner_flags |= frame_flags::active;
        rig.frames.lru().add(inode.pages.find(index));
    }
    rig.frames.pages().at(given_up).owner_flags |= frame_flags::reclaim;
    write(0, 2);
    rig.complete(0);
    EXPECT_EQ(rig.frames.lru().oldest(NodeId{0}, LruList::InactiveFile), given_up.value());
    EXPECT_NE(flags(0) & frame_flags::active, 0);
    EXPECT_EQ(flags(1) & (frame_flags::active | frame_flags::reclaim), 0);
    EXPECT_EQ(rig.counters.reclaim.pgrotated, 1U);
}

TEST_F(WrittenFiles, ThatAreWrittenToOnceMoreAreNotGivenUp) {
    make_dirty(0, 1);
    write(0, 1);
    rig.frames.pages().at(inode.pages.find(0)).owner_flags |= frame_flags::reclaim;
    make_dirty(0, 1);
    EXPECT_EQ(flags(0) & frame_flags::reclaim, 0);
}

TEST_F(WrittenFiles, StopAfterAsManyPagesAsAskedFor) {
    make_dirty(0, 100);
    EXPECT_EQ(write(0, PageCache::none, Mode::Start, 30), 30U);
    EXPECT_EQ(inode.pages.next(0, PageTag::Dirty), 30U);
}

TEST_F(WrittenFiles, ThatBecomeDirtyOnTheirWayAreWrittenAgainByThoseWhoNeedAll) {
    make_dirty(0, 1);
    write(0, 1);
    make_dirty(0, 1);
    EXPECT_EQ(write(0, 1, Mode::Start), 0U);
    bool synced = false;
    rig.run(cpu0, [&](Operation& op) {
        writeback.sync(op, inode);
        synced = true;
    });
    EXPECT_EQ(rig.disk.submitted.size(), 1U);
    rig.complete(0);
    rig.pick(cpu0);
    ASSERT_EQ(rig.disk.submitted.size(), 2U);
    rig.complete(1);
    rig.pick(cpu0);
    ASSERT_EQ(rig.disk.submitted.size(), 3U);
    EXPECT_EQ(rig.disk.submitted[2].kind, BlockRequest::Kind::Flush);
    EXPECT_FALSE(synced);
    rig.complete(2);
    rig.pick(cpu0);
    EXPECT_TRUE(synced);
    EXPECT_EQ(rig.counters.nr_written, 2U);
}

TEST_F(WrittenFiles, NeedNoDiskWhenTheyAreClean) {
    bool synced = false;
    rig.run(cpu0, [&](Operation& op) {
        writeback.sync(op, inode);
        writeback.sync_all(op);
        synced = true;
    });
    EXPECT_TRUE(synced);
    EXPECT_TRUE(rig.disk.submitted.empty());
}

TEST_F(WrittenFiles, AreTruncatedOnceTheDiskHasThem) {
    make_dirty(0, 1);
    write(0, 1);
    rig.run(cpu1, [&](Operation& op) { rig.files.truncate(op, file, 0); });
    EXPECT_EQ(rig.files.cached_pages(), 1U);
    rig.complete(0);
    rig.pick(cpu1);
    EXPECT_EQ(rig.files.cached_pages(), 0U);
    EXPECT_EQ(rig.counters.nr_writeback, 0U);
}

TEST_F(WrittenFiles, LoseTheRightToBeWrittenToInMappings) {
    std::vector<Pfn> protected_pages;
    writeback.on_clean([&](Operation&, Pfn frame) { protected_pages.push_back(frame); });
    make_dirty(0, 2);
    rig.frames.pages().at(inode.pages.find(1)).mapcount = 1;
    write(0, 2);
    EXPECT_EQ(protected_pages, std::vector{inode.pages.find(1)});
}

TEST_F(WrittenFiles, WakeTheFlusherWithTheirFirstDirtyPage) {
    int woken = 0;
    writeback.on_work([&](Operation&) { ++woken; });
    make_dirty(0, 3);
    EXPECT_EQ(woken, 1);
    EXPECT_FALSE(writeback.expired(file, rig.now));
    EXPECT_TRUE(writeback.expired(file, rig.now + writeback.config().dirty_expire));
}

TEST_F(WrittenFiles, MakeTheirWritersWaitWhereTooManyAreDirty) {
    writeback.configure({.dirty_bytes = 64 * page_size, .dirty_background_bytes = 32 * page_size});
    int woken = 0;
    writeback.on_work([&](Operation&) { ++woken; });
    make_dirty(0, 40);
    bool went_on = false;
    const auto writer = [&](Operation& op) {
        writeback.balance(op);
        went_on = true;
    };
    rig.run(cpu0, writer);
    EXPECT_TRUE(went_on); // above the background limit alone
    EXPECT_EQ(woken, 2);
    EXPECT_TRUE(writeback.above_background());
    make_dirty(40, 40);
    went_on = false;
    rig.run(cpu0, writer);
    EXPECT_FALSE(went_on);
    write(0, 80);
    rig.complete(0);
    rig.pick(cpu0);
    EXPECT_TRUE(went_on);
}

TEST_F(WrittenFiles, AreLookedAtEvery32PagesOnly) {
    writeback.configure({.dirty_bytes = 2 * page_size, .dirty_background_bytes = page_size});
    bool went_on = false;
    const auto writer = [&](Operation& op) {
        writeback.balance(op);
        went_on = true;
    };
    make_dirty(0, 31);
    rig.run(cpu0, writer);
    EXPECT_TRUE(went_on);
    make_dirty(31, 1);
    went_on = false;
    rig.run(cpu0, writer);
    EXPECT_FALSE(went_on);
}

TEST_F(WrittenFiles, GoToTheDiskOneByOneForReclaim) {
    make_dirty(4, 2);
    const Pfn frame = inode.pages.find(4);
    rig.at_once([&](Operation& op) { rig.files.write_page(op, frame); });
    EXPECT_EQ(requested(0), 1U);
    rig.complete(0);
    rig.at_once([&](Operation& op) { rig.files.evict_page(op, frame); });
    EXPECT_EQ(inode.pages.find(4), no_pfn);
    EXPECT_EQ(rig.frames.pages().peek(frame).refcount, 0U);
}

} // namespace
} // namespace pagewalk::os
