#include "os/syscall/shared_segments.h"
#include "tests/unit/os/file/file_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Segments : testing::Test {
    test::FileRig rig{FileCache::Cold};
    SharedSegments segments{rig.files};

    void get(std::int64_t id, std::uint64_t bytes) {
        rig.at_once([&](Operation& op) { segments.get(op, id, bytes); });
    }
};

TEST_F(Segments, AreMadeOnceAndInWholePages) {
    get(5, 5000);
    ASSERT_NE(segments.find(5), nullptr);
    EXPECT_EQ(segments.find(5)->bytes, 2 * page_size);
    const InodeId inode = segments.find(5)->inode;
    get(5, 1);
    EXPECT_EQ(segments.find(5)->inode, inode);
    EXPECT_EQ(segments.find(6), nullptr);
}

TEST_F(Segments, KeepTheirMemoryUntilTheLastMappingHasGone) {
    get(5, page_size);
    const InodeId inode = segments.find(5)->inode;
    rig.files.add_user(inode); // a mapping
    rig.at_once([&](Operation& op) {
        (void)rig.files.get_page(op, inode, 0);
        segments.remove(op, 5);
    });
    EXPECT_EQ(segments.find(5), nullptr);
    EXPECT_EQ(rig.counters.nr_shmem, 1U);
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, inode); });
    EXPECT_EQ(rig.counters.nr_shmem, 0U);
}

TEST_F(Segments, OfOtherProgramsAreNotRemoved) {
    rig.at_once([&](Operation& op) { segments.remove(op, 9); });
    EXPECT_EQ(segments.find(9), nullptr);
}

} // namespace
} // namespace pagewalk::os
