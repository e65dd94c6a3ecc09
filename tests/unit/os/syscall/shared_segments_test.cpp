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

TEST_F(Segments, AreMadeOnceThoughTwoTasksWaitForMemory) {
    rig.use_up_memory();
    const auto get_in_task = [this](CpuId cpu, std::int64_t id) {
        rig.run(cpu, [this, id](Operation& op) { segments.get(op, id, page_size); });
    };
    std::int64_t id = 0;
    while (rig.reclaimer.waiters.empty()) get_in_task(test::cpu0, ++id); // free objects run out first
    get_in_task(test::cpu1, id);
    ASSERT_EQ(rig.reclaimer.waiters.size(), 2U);
    rig.give_back_memory(2000);
    while (rig.pick(test::cpu0) != nullptr || rig.pick(test::cpu1) != nullptr) rig.give_back_memory(500);
    EXPECT_EQ(rig.files.at(segments.find(id)->inode).users, 1U);
    EXPECT_EQ(rig.objects.objects(ObjectKind::ShmemInode), static_cast<std::uint64_t>(id));
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
