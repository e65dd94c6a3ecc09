#include "os/file/socket_queue.h"
#include "tests/unit/os/file/file_rig.h"

#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct SocketQueueTest : testing::Test {
    test::FileRig rig{FileCache::Warm};
    SocketQueue queue{rig.objects, rig.frames};

    [[nodiscard]] std::uint64_t pages() const {
        return rig.counters.frames_for[static_cast<std::size_t>(AllocationPurpose::Socket)];
    }
    std::vector<std::uint32_t> write(std::uint64_t bytes) {
        std::vector<std::uint32_t> parts;
        rig.at_once([&](Operation& op) {
            while (bytes != 0) {
                parts.push_back(queue.append(op, bytes).bytes);
                queue.filled(op, parts.back());
                bytes -= parts.back();
            }
        });
        return parts;
    }
    void read(std::uint64_t bytes) {
        rig.at_once([&](Operation& op) {
            while (bytes != 0) {
                const ByteQueue::Part part = queue.next(op, bytes);
                queue.consume(op, part.bytes);
                bytes -= part.bytes;
            }
        });
    }
};

TEST_F(SocketQueueTest, HasASmallMessageInItsBuffersHead) {
    EXPECT_EQ(write(3000), (std::vector<std::uint32_t>{3000}));
    EXPECT_EQ(pages(), 0U);
    EXPECT_EQ(queue.size(), 3000U);
}

TEST_F(SocketQueueTest, HasTheRestInBlocksOfPages) {
    // 3776 bytes would fit into the head; whole pages come first, and no head is needed.
    EXPECT_EQ(write(32768), (std::vector<std::uint32_t>{32768}));
    EXPECT_EQ(pages(), 8U);
    EXPECT_EQ(write(5 * page_size), (std::vector<std::uint32_t>{4 * page_size, page_size}));
    EXPECT_EQ(pages(), 13U);
}

TEST_F(SocketQueueTest, SplitsWhatIsMoreThanOneBufferHolds) {
    const std::vector<std::uint32_t> parts = write(65536);
    EXPECT_EQ(queue.size(), 65536U);
    // 48832 bytes in the first buffer: 45056 in pages of 32 KiB and three more, 3776 in the head.
    EXPECT_EQ(parts[0], 3776U);
    EXPECT_EQ(parts[1], 32768U);
}

TEST_F(SocketQueueTest, FreesABufferWhenAllOfItIsRead) {
    write(3000);
    write(8 * page_size);
    const std::uint64_t freed = rig.counters.pgfree;
    read(2999);
    EXPECT_EQ(rig.counters.pgfree, freed);
    read(1 + 8 * page_size);
    EXPECT_EQ(rig.counters.pgfree - freed, 8U);
    EXPECT_EQ(queue.size(), 0U);
}

TEST_F(SocketQueueTest, ShowsAPageOfAFileWithoutCopyingIt) {
    const Pfn frame = *rig.allocator->allocate({.mask = gfp::highuser_movable});
    rig.frames.pages().at(frame).refcount = 1;
    rig.at_once([&](Operation& op) { queue.splice(op, frame, 0, page_size); });
    EXPECT_EQ(rig.frames.pages().at(frame).refcount, 2U);
    read(page_size);
    EXPECT_EQ(rig.frames.pages().at(frame).refcount, 1U);
}

TEST_F(SocketQueueTest, GivesBackWhatWasNotWrittenAfterAll) {
    write(5 * page_size); // blocks of four pages and one
    const std::uint64_t freed = rig.counters.pgfree;
    rig.at_once([&](Operation& op) { queue.withdraw(op, 2 * page_size); });
    EXPECT_EQ(queue.size(), 3 * page_size);
    read(3 * page_size);
    EXPECT_EQ(rig.counters.pgfree - freed, 5U);
    write(100);
    rig.at_once([&](Operation& op) { queue.withdraw(op, 100); });
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_EQ(write(200), (std::vector<std::uint32_t>{200}));
}

TEST_F(SocketQueueTest, TakesAllWithItWhenItIsDestroyed) {
    write(8 * page_size);
    const std::uint64_t freed = rig.counters.pgfree;
    rig.at_once([&](Operation& op) { queue.destroy(op); });
    EXPECT_EQ(rig.counters.pgfree - freed, 8U);
    EXPECT_EQ(queue.size(), 0U);
}

} // namespace
} // namespace pagewalk::os
