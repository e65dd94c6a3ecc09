#include "os/file/file_system.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu0;
using test::cpu1;
using MappedUse = Readahead::MappedUse;

struct PageReads : testing::Test, test::ColdFile {
    FileSystem::Page fault(std::uint64_t index, MappedUse use = MappedUse::Normal) {
        return rig.at_once([&](Operation& op) {
            return rig.files.get_page_for_fault(op, {.inode = file, .index = index}, use);
        });
    }
    [[nodiscard]] std::uint64_t requested(std::size_t request) const {
        return rig.disk.submitted.at(request).bytes / page_size;
    }
    [[nodiscard]] Inode& inode() { return rig.files.at(file); }
};

TEST_F(PageReads, ReadAPageOnceForTwoReaders) {
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

TEST_F(PageReads, ReadAPageOnceForTwoReadersThatWaitedForMemory) {
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

TEST_F(PageReads, ReadLargerWindowsForASequentialReader) {
    std::size_t completed = 0;
    for (std::uint64_t index = 0; index < 12; ++index) {
        rig.run(cpu0, reader(index));
        for (; completed < rig.disk.submitted.size(); ++completed) rig.complete(completed);
        rig.pick(cpu0);
        ASSERT_EQ(read, static_cast<int>(index) + 1);
    }
    ASSERT_EQ(rig.disk.submitted.size(), 3U);
    EXPECT_EQ(requested(0), 4U);
    EXPECT_EQ(requested(1), 8U);
    EXPECT_EQ(requested(2), 16U);
}

TEST_F(PageReads, EndWithTheFile) {
    inode().size = 2 * page_size + 1;
    rig.run(cpu0, reader(1));
    EXPECT_EQ(requested(0), 1U);
    rig.run(cpu1, reader(0));
    EXPECT_EQ(rig.files.cached_pages(), 3U);
    EXPECT_EQ(inode().pages.next(3), PageCache::none);
}

TEST_F(PageReads, NeedNoDiskForHoles) {
    inode().stored.remove(1, 3);
    const auto page = rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 0); });
    EXPECT_FALSE(rig.files.ready(page));
    EXPECT_EQ(rig.files.cached_pages(), 4U);
    ASSERT_EQ(rig.disk.submitted.size(), 2U);
    EXPECT_EQ(requested(0), 1U); // page 0, then the holes 1 and 2
    EXPECT_EQ(requested(1), 1U);
    EXPECT_TRUE(rig.files.ready({.frame = inode().pages.find(2)}));
    EXPECT_FALSE(rig.files.ready({.frame = inode().pages.find(3)}));
}

TEST_F(PageReads, AreNoLargerThanTheDeviceAllows) {
    rig.files.set_readahead({.window = 8, .request = 3});
    rig.at_once([&](Operation& op) { (void)rig.files.get_page(op, {.inode = file, .asked = 8}); });
    ASSERT_EQ(rig.disk.submitted.size(), 6U); // 8 pages, and 8 ahead
    EXPECT_EQ(requested(0), 3U);
    EXPECT_EQ(requested(2), 2U);
    EXPECT_EQ(rig.disk.submitted[1].sector - rig.disk.submitted[0].sector, 3 * page_size / sector_size);
}

TEST_F(PageReads, StartTheNextWindowAtTheMarkOnce) {
    rig.at_once([&](Operation& op) { (void)rig.files.get_page(op, file, 0); });
    const auto again = [&] {
        return rig.at_once([&](Operation& op) { return rig.files.get_page(op, file, 1); });
    };
    EXPECT_TRUE(again().looked_ahead);
    EXPECT_EQ(rig.files.cached_pages(), 12U);
    EXPECT_FALSE(again().looked_ahead);
    EXPECT_EQ(rig.files.cached_pages(), 12U);
}

TEST_F(PageReads, OfAnOpenFileAreItsOwnStream) {
    ReadaheadState one, other;
    const auto get = [&](ReadaheadState& state, std::uint64_t index) {
        rig.at_once([&](Operation& op) {
            (void)rig.files.get_page(op, {.inode = file, .index = index, .readahead = &state});
        });
        state.previous = (index + 1) << page_shift;
    };
    get(one, 100);
    get(other, 101); // the other has not read page 100
    EXPECT_EQ(requested(1), 1U);
    get(other, 102);
    EXPECT_EQ(requested(2), 4U); // it goes on from there
    EXPECT_EQ(one.size, 0U);     // the one has asked for a lone page
}

TEST_F(PageReads, ForAFaultGoAroundIt) {
    const FileSystem::Page page = fault(100);
    EXPECT_TRUE(page.was_missing);
    EXPECT_FALSE(rig.files.ready(page));
    EXPECT_EQ(inode().pages.next(0), 84U);
    EXPECT_EQ(rig.files.cached_pages(), 32U);
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
    EXPECT_FALSE(rig.files.maps_beside(inode().pages.find(84 + 24)));
    EXPECT_TRUE(rig.files.maps_beside(inode().pages.find(84 + 23)));
    EXPECT_TRUE(fault(108).looked_ahead);
    EXPECT_EQ(rig.files.cached_pages(), 64U);
    EXPECT_EQ(rig.counters.pgmajfault, 1U);
}

TEST_F(PageReads, ForAFaultBringInOnePageWhereAccessIsRandom) {
    (void)fault(100, MappedUse::Random);
    EXPECT_EQ(rig.files.cached_pages(), 1U);
    EXPECT_EQ(requested(0), 1U);
}

TEST_F(PageReads, OfARangeGoToTheDiskAtOnce) {
    inode().size = 1000 * page_size;
    rig.at_once([&](Operation& op) { rig.files.read_range(op, file, 100, 64); });
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(requested(0), 64U);
    rig.at_once([&](Operation& op) { rig.files.read_range(op, file, 990, 64); });
    EXPECT_EQ(requested(1), 10U);
}

TEST_F(PageReads, ComeFirstWhereAPageIsOverwrittenInPart) {
    using enum FileSystem::Overwritten;
    const auto get = [&](std::uint64_t index, FileSystem::Overwritten how) {
        return rig.at_once([&](Operation& op) { return rig.files.get_page_for_write(op, file, index, how); });
    };
    EXPECT_FALSE(rig.files.ready(get(7, Part)));
    ASSERT_EQ(rig.disk.submitted.size(), 1U);
    EXPECT_EQ(requested(0), 1U);
    EXPECT_TRUE(rig.files.ready(get(8, Whole)));
    inode().stored.remove(9, 10);
    EXPECT_TRUE(rig.files.ready(get(9, Part)));
    inode().size = 20 * page_size;
    EXPECT_TRUE(rig.files.ready(get(20, Part)));
    EXPECT_EQ(rig.disk.submitted.size(), 1U);
}

/// There is nothing to reclaim.
struct NothingLeft final : Reclaimer {
    int reclaims = 0, killed = 0;

    std::uint64_t direct_reclaim(const ReclaimRequest&) override {
        ++reclaims;
        return 0;
    }
    OomOutcome out_of_memory(const ReclaimRequest&) override {
        ++killed;
        return OomOutcome::NoVictim;
    }
};

TEST_F(PageReads, AheadOfAnyUseKillNobodyForMemory) {
    NothingLeft reclaimer;
    rig.allocator->set_reclaimer(&reclaimer);
    rig.use_up_memory();
    rig.run(cpu0, [this](Operation& op) { rig.files.read_range(op, file, 0, 8); });
    EXPECT_EQ(reclaimer.reclaims, 1);
    EXPECT_EQ(reclaimer.killed, 0);
    EXPECT_TRUE(rig.disk.submitted.empty());
    // A page that somebody needs is another matter.
    rig.run(cpu0, [this](Operation& op) { (void)rig.files.get_page(op, file, 0); });
    EXPECT_GT(reclaimer.killed, 0);
}

} // namespace
} // namespace pagewalk::os
