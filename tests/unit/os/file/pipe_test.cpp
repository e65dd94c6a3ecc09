#include "os/file/pipe.h"
#include "tests/unit/os/file/file_rig.h"

#include <optional>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct PipeTest : testing::Test {
    test::FileRig rig{FileCache::Warm};
    std::optional<Pipe> pipe;

    void SetUp() override {
        rig.at_once([&](Operation& op) { pipe.emplace(rig.objects, rig.frames, op); });
    }
    void TearDown() override {
        rig.at_once([&](Operation& op) { pipe->destroy(op); });
        EXPECT_EQ(pages(), freed());
    }
    [[nodiscard]] std::uint64_t pages() const {
        return rig.counters.frames_for[static_cast<std::size_t>(AllocationPurpose::Pipe)];
    }
    [[nodiscard]] std::uint64_t freed() const { return rig.counters.pgfree; }
    void write(std::uint64_t bytes) {
        rig.at_once([&](Operation& op) {
            while (bytes != 0) {
                const ByteQueue::Part part = pipe->append(op, bytes);
                pipe->filled(op, part.bytes);
                bytes -= part.bytes;
            }
        });
    }
    void read(std::uint64_t bytes) {
        rig.at_once([&](Operation& op) {
            while (bytes != 0) {
                const ByteQueue::Part part = pipe->next(op, bytes);
                pipe->consume(op, part.bytes);
                bytes -= part.bytes;
            }
        });
    }
};

TEST_F(PipeTest, HoldsAPageForEachPipeBufOfData) {
    write(3 * page_size);
    EXPECT_EQ(pages(), 3U);
    EXPECT_EQ(pipe->size(), 3 * page_size);
}

TEST_F(PipeTest, PutsOddBytesIntoTheLastPageWhereThereIsRoom) {
    write(100);
    write(page_size - 100);
    EXPECT_EQ(pages(), 1U);
    write(1);
    EXPECT_EQ(pages(), 2U);
    write(page_size + 10); // the ten bytes go behind the one
    EXPECT_EQ(pages(), 3U);
}

TEST_F(PipeTest, KeepsOneReadPageForTheNextWrite) {
    write(3 * page_size);
    read(3 * page_size);
    EXPECT_EQ(freed(), 2U);
    write(1);
    EXPECT_EQ(pages(), 3U);
    write(page_size);
    EXPECT_EQ(pages(), 4U);
}

TEST_F(PipeTest, ReadsWhatHasNotBeenWrittenYetAndGivesItUpWhenItIs) {
    write(100);
    read(300);
    EXPECT_EQ(pipe->size(), 0U);
    write(250);
    EXPECT_EQ(pipe->size(), 50U);
}

TEST_F(PipeTest, GivesBackWhatWasNotWrittenAfterAll) {
    write(page_size + 100);
    rig.at_once([&](Operation& op) { pipe->withdraw(op, 200); });
    EXPECT_EQ(pipe->size(), page_size - 100);
    write(100); // behind the rest of the first page
    EXPECT_EQ(pages(), 2U);
    EXPECT_EQ(freed(), 0U);
}

TEST_F(PipeTest, RemembersWhatEachWriterHasBegunWith) {
    pipe->note_begun(TaskId{1}, 10);
    pipe->note_begun(TaskId{2}, 20);
    EXPECT_EQ(pipe->take_begun(TaskId{1}), 10U);
    EXPECT_EQ(pipe->take_begun(TaskId{1}), 0U);
    EXPECT_EQ(pipe->take_begun(TaskId{2}), 20U);
}

TEST_F(PipeTest, ForgetsWhatGoesOutside) {
    pipe->lead_outside();
    write(5 * page_size);
    EXPECT_EQ(pipe->size(), 0U);
    read(7); // whoever is there has it
    write(7);
    EXPECT_EQ(pipe->size(), 0U);
}

TEST_F(PipeTest, ShowsAPageOfSomebodyElsesUntilItIsRead) {
    const Pfn frame = *rig.allocator->allocate({.mask = gfp::highuser_movable});
    rig.frames.pages().at(frame).refcount = 1;
    rig.at_once([&](Operation& op) { pipe->splice(op, frame, 16, 100); });
    EXPECT_EQ(rig.frames.pages().at(frame).refcount, 2U);
    rig.at_once([&](Operation& op) {
        const ByteQueue::Part part = pipe->next(op, 1000);
        EXPECT_EQ(part.address, kernel_layout::direct_map(address_of(frame)) + 16);
        EXPECT_EQ(part.bytes, 100U);
    });
    read(100);
    EXPECT_EQ(rig.frames.pages().at(frame).refcount, 1U);
    EXPECT_EQ(pages(), 0U);
}

TEST_F(PipeTest, SharesItsPagesWithAnother) {
    write(page_size + 50);
    rig.at_once([&](Operation& op) {
        Pipe other(rig.objects, rig.frames, op);
        other.share(op, *pipe, page_size + 10);
        EXPECT_EQ(other.size(), page_size + 10);
        EXPECT_EQ(other.next(op, page_size).address, pipe->next(op, page_size).address);
        other.destroy(op);
    });
    EXPECT_EQ(pages(), 2U);
    EXPECT_EQ(pipe->size(), page_size + 50);
}

} // namespace
} // namespace pagewalk::os
