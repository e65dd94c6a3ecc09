#include "base/error.h"
#include "workloads/qemu/batch_decoder.h"

#include <cerrno>
#include <sys/syscall.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// Block 0: mov, load, ret-like indirect end at 0x1000; block 1: three nops at 0x2000; block 2: jz back at
/// 0x2003; block 3: rep movsb at 0x3000.
class BatchDecoderTest : public testing::Test {
protected:
    BatchDecoderTest() {
        add(0, 0x1000, {{0x89, 0xc8}, {0x8b, 0x01}, {0xc3}});
        add(1, 0x2000, {{0x90}, {0x90}, {0x90}});
        add(2, 0x2003, {{0x8b, 0x01}, {0x8b, 0x02}, {0x74, 0xfa}});
        add(3, 0x3000, {{0xf3, 0xa4}});
    }
    void add(std::uint32_t id, std::uint64_t pc, const std::vector<std::vector<std::uint8_t>>& instructions) {
        std::vector<std::uint8_t> lengths, bytes;
        for (const auto& instruction : instructions) {
            lengths.push_back(static_cast<std::uint8_t>(instruction.size()));
            bytes.insert(bytes.end(), instruction.begin(), instruction.end());
        }
        m_dictionary.add(id, VirtAddr(pc), lengths, bytes);
    }
    static std::uint64_t block(std::uint32_t id) { return block_word | id; }
    static std::uint64_t load(std::uint64_t address, unsigned instruction) {
        return MemoryReference(VirtAddr(address), instruction, 2, false).raw();
    }

    BlockDictionary m_dictionary;
    BatchDecoder m_decoder{m_dictionary};
};

const std::uint64_t thread_end = event_header(EventKind::ThreadEnd, 0);

TEST_F(BatchDecoderTest, HoldsTheLastBlockBackUntilItsSuccessorIsKnown) {
    const std::vector<std::uint64_t> words{block(0), load(64, 1), block(1)};
    EXPECT_EQ(m_decoder.decode(words).words, 3);
    ASSERT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.blocks()[0].references[0].address(), VirtAddr(64));
    const std::vector<std::uint64_t> more{block(2), load(1, 0), load(2, 1)};
    static_cast<void>(m_decoder.decode(more));
    ASSERT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.blocks()[0].block->pc, VirtAddr(0x2000));
    const std::vector<std::uint64_t> end{thread_end};
    EXPECT_EQ(m_decoder.decode(end).outcome, BatchDecoder::Outcome::End);
    ASSERT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.blocks()[0].reference_count, 2);
}

TEST_F(BatchDecoderTest, CutsABlockWhoseSuccessorShowsAFault) {
    // Block 2 can go to 0x2003 + ... or back; 0x1000 is neither, and its second load is missing.
    const std::vector<std::uint64_t> words{block(2), load(8, 0), block(0), load(8, 1), thread_end};
    static_cast<void>(m_decoder.decode(words));
    ASSERT_EQ(m_decoder.blocks().size(), 2);
    EXPECT_EQ(m_decoder.blocks()[0].instruction_count, 1);
    EXPECT_EQ(m_decoder.blocks()[1].instruction_count, 2);
}

TEST_F(BatchDecoderTest, KeepsABlockWholeWhenASignalComesAfterIt) {
    const std::vector<std::uint64_t> words{block(2),   load(8, 0), load(8, 1), block(2), load(8, 0),
                                           load(8, 1), block(0),   load(8, 1), block(1), thread_end};
    static_cast<void>(m_decoder.decode(words));
    // The first execution of block 2 is followed by 0x2003, which is not its target: 0x2003 + 6 - 6 is.
    EXPECT_EQ(m_decoder.blocks()[0].instruction_count, 3);
    EXPECT_EQ(m_decoder.blocks()[1].instruction_count, 3);
}

TEST_F(BatchDecoderTest, CountsARepInstructionOnce) {
    std::vector<std::uint64_t> words;
    for (int i = 0; i < 10; ++i) words.insert(words.end(), {block(3), load(1, 0), load(2, 0)});
    words.push_back(thread_end);
    static_cast<void>(m_decoder.decode(words));
    EXPECT_EQ(m_decoder.blocks().size(), 10);
    EXPECT_EQ(m_decoder.instructions(), 1);
}

TEST_F(BatchDecoderTest, LimitsABatch) {
    const std::vector<std::uint64_t> words(3000, block(0));
    const auto first = m_decoder.decode(words);
    EXPECT_EQ(first.outcome, BatchDecoder::Outcome::BatchFull);
    std::size_t blocks = m_decoder.blocks().size();
    EXPECT_EQ(blocks, BatchDecoder::max_blocks_per_batch);
    for (std::size_t used = first.words; used < words.size();) {
        used += m_decoder.decode(std::span(words).subspan(used)).words;
        blocks += m_decoder.blocks().size();
    }
    EXPECT_EQ(blocks, 2999);
}

TEST_F(BatchDecoderTest, JoinsEnterAndReturn) {
    std::vector<std::uint64_t> words{
        block(0), event_header(EventKind::SyscallEnter, 10), SYS_open, 1, 2, 3, 4, 5, 6, 11, 3, 0x636261};
    EXPECT_EQ(m_decoder.decode(words).outcome, BatchDecoder::Outcome::NeedWords);
    EXPECT_TRUE(m_decoder.in_system_call());
    words = {event_header(EventKind::SyscallReturn, 3), SYS_open, static_cast<std::uint64_t>(-ENOENT), 12,
             block(1)};
    const auto progress = m_decoder.decode(words);
    EXPECT_EQ(progress.outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_EQ(progress.words, 4);
    EXPECT_EQ(m_decoder.syscall().result, -ENOENT);
    EXPECT_EQ(m_decoder.syscall().path, "abc");
    EXPECT_EQ(m_decoder.syscall().enter_order, 11);
    EXPECT_EQ(m_decoder.syscall().exit_order, 12);
}

TEST_F(BatchDecoderTest, ShowsACallThatIsMadeAgainAsInterrupted) {
    const std::vector<std::uint64_t> words{event_header(EventKind::SyscallEnter, 9),
                                           SYS_read,
                                           0,
                                           0,
                                           0,
                                           0,
                                           0,
                                           0,
                                           0,
                                           0,
                                           event_header(EventKind::SyscallReturn, 3),
                                           SYS_read,
                                           static_cast<std::uint64_t>(-512),
                                           0};
    EXPECT_EQ(m_decoder.decode(words).outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_EQ(m_decoder.syscall().result, -EINTR);
}

TEST_F(BatchDecoderTest, RefusesDamage) {
    const std::vector<std::vector<std::uint64_t>> damaged{
        {load(1, 0)},
        {block(77)},
        {event_header(static_cast<EventKind>(9), 0)},
        {event_header(EventKind::SyscallEnter, 1), 0},
        {event_header(EventKind::SyscallEnter, 9), 0, 0, 0, 0, 0, 0, 0, 0, 1000},
        {event_header(EventKind::SyscallReturn, 3), 0, 0, 0},
        {event_header(EventKind::SyscallReturn, 2), 0, 0},
    };
    for (const auto& words : damaged) EXPECT_THROW(BatchDecoder(m_dictionary).decode(words), RunError);
}

} // namespace
} // namespace pagewalk::workloads
