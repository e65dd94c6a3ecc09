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
    EXPECT_EQ(m_decoder.decode(end).outcome, BatchDecoder::Outcome::BatchFull);
    ASSERT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.blocks()[0].reference_count, 2);
    EXPECT_EQ(m_decoder.decode(end).outcome, BatchDecoder::Outcome::End);
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
    EXPECT_EQ(m_decoder.blocks().size(), 10); // they do not go upwards
    EXPECT_EQ(m_decoder.instructions(), 1);
}

/// `rep movsb` of `count` bytes from 0x1008 to 0x2004, cut into pieces of `piece` words.
std::vector<std::pair<std::uint64_t, unsigned>> stores_of_copy(BatchDecoder& decoder, unsigned count,
                                                               std::size_t piece) {
    std::vector<std::uint64_t> words;
    for (unsigned i = 0; i < count; ++i) {
        words.push_back(block_word | 3);
        words.push_back(MemoryReference(VirtAddr(0x1008 + i), 0, 0, false).raw());
        words.push_back(MemoryReference(VirtAddr(0x2004 + i), 0, 0, true).raw());
    }
    words.push_back(thread_end);
    std::vector<std::pair<std::uint64_t, unsigned>> stores;
    for (std::size_t used = 0; used < words.size();) {
        const auto rest = std::span(words).subspan(used);
        used += decoder.decode(rest.first(std::min(piece, rest.size()))).words;
        for (const BlockExecution& execution : decoder.blocks()) {
            EXPECT_EQ(execution.reference_count, 2);
            EXPECT_FALSE(execution.references[0].is_store());
            stores.emplace_back(execution.references[1].address().value(), execution.references[1].size());
        }
    }
    return stores;
}

TEST_F(BatchDecoderTest, JoinsIterationsOfAStringOperationWithinThirtyTwoBytes) {
    const auto stores = stores_of_copy(m_decoder, 64, 1000);
    const std::vector<std::pair<std::uint64_t, unsigned>> expected{
        {0x2004, 16}, {0x2020, 16}, {0x203c, 4}, {0x2040, 4}}; // the source crosses a line at 0x1040
    EXPECT_EQ(stores, expected);
    EXPECT_EQ(m_decoder.instructions(), 1);
}

TEST_F(BatchDecoderTest, JoinsTheSameWhereverTheWordsAreCut) {
    BatchDecoder other(m_dictionary);
    EXPECT_EQ(stores_of_copy(m_decoder, 1000, 3), stores_of_copy(other, 1000, 100000));
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
        block(0), event_header(EventKind::SyscallEnter, 11), SYS_open, 1, 2, 3, 4, 5, 6, 11, 3, 0, 0x636261};
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

TEST_F(BatchDecoderTest, HasWhatIovecsPointToAndNewDescriptors) {
    std::vector<std::uint64_t> words{event_header(EventKind::SyscallEnter, 15),
                                     SYS_pipe,
                                     1,
                                     2,
                                     3,
                                     4,
                                     5,
                                     6,
                                     0,
                                     3,
                                     0,
                                     0x636261,
                                     0x1000,
                                     10,
                                     0x2000,
                                     20};
    EXPECT_EQ(m_decoder.decode(words).outcome, BatchDecoder::Outcome::NeedWords);
    words = {event_header(EventKind::SyscallReturn, 4), SYS_pipe, 0, 0, 0x4'0000'0003};
    EXPECT_EQ(m_decoder.decode(words).outcome, BatchDecoder::Outcome::SystemCall);
    const SyscallRecord& call = m_decoder.syscall();
    EXPECT_EQ(call.path, "abc");
    ASSERT_EQ(call.segments.size(), 2U);
    EXPECT_EQ(call.segments[1].address, VirtAddr(0x2000));
    EXPECT_EQ(call.segments[1].bytes, 20U);
    EXPECT_EQ(call.descriptors, (std::array<std::int32_t, 2>{3, 4}));
    words = {event_header(EventKind::SyscallEnter, 10), SYS_close, 0, 0, 0, 0, 0, 0, 0, 0, 0,
             event_header(EventKind::SyscallReturn, 3), SYS_close, 0, 0};
    EXPECT_EQ(m_decoder.decode(words).outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_TRUE(call.segments.empty());
    EXPECT_EQ(call.descriptors, (std::array<std::int32_t, 2>{-1, -1}));
}

TEST_F(BatchDecoderTest, RefusesHalfASegment) {
    const std::vector<std::uint64_t> words{
        event_header(EventKind::SyscallEnter, 11), SYS_readv, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1000};
    EXPECT_THROW((void)m_decoder.decode(words), RunError);
}

TEST_F(BatchDecoderTest, ShowsACallThatIsMadeAgainAsInterrupted) {
    const std::vector<std::uint64_t> words{event_header(EventKind::SyscallEnter, 10),
                                           SYS_read,
                                           0,
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

std::vector<std::uint64_t> enter(std::uint64_t number, std::uint64_t second_argument, std::uint64_t order,
                                 std::uint64_t change) {
    return {
        event_header(EventKind::SyscallEnter, 10), number, 0, second_argument, 0, 0, 0, 0, order, 0, change};
}

std::vector<std::uint64_t> operator+(std::vector<std::uint64_t> a, const std::vector<std::uint64_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

std::vector<std::uint64_t> leave(std::uint64_t number, std::uint64_t order) {
    return {event_header(EventKind::SyscallReturn, 3), number, 0, order};
}

std::vector<std::uint64_t> epoch(std::uint64_t value) {
    return {event_header(EventKind::SpaceEpoch, 1), value};
}

TEST_F(BatchDecoderTest, TellsOfTheBeginningOfACallThatMayBlock) {
    constexpr std::uint64_t futex_wait = 0, futex_wake = 1;
    const auto blocking = std::vector{block(0), load(64, 1)} + enter(SYS_futex, futex_wait, 5, 0);
    EXPECT_EQ(m_decoder.decode(blocking).outcome, BatchDecoder::Outcome::Entered);
    EXPECT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.syscall().enter_order, 5);
    EXPECT_EQ(m_decoder.decode(leave(SYS_futex, 9)).outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_TRUE(m_decoder.syscall().entered);
    EXPECT_EQ(m_decoder.syscall().exit_order, 9);
    const auto brief = enter(SYS_futex, futex_wake, 10, 0) + leave(SYS_futex, 11);
    EXPECT_EQ(m_decoder.decode(brief).outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_FALSE(m_decoder.syscall().entered);
}

TEST_F(BatchDecoderTest, StopsAfterTheBlocksBeforeAnEpoch) {
    const auto words =
        std::vector{block(1)} + epoch(2) + std::vector{block(2), load(1, 0), load(2, 1), thread_end};
    const auto progress = m_decoder.decode(words);
    EXPECT_EQ(progress.outcome, BatchDecoder::Outcome::Epoch);
    EXPECT_EQ(progress.words, 3);
    EXPECT_EQ(m_decoder.epoch(), 2);
    ASSERT_EQ(m_decoder.blocks().size(), 1);
    EXPECT_EQ(m_decoder.blocks()[0].block->pc, VirtAddr(0x2000));
}

TEST_F(BatchDecoderTest, MovesABlockThatBeganDuringAChangeBehindIt) {
    BatchDecoder decoder(m_dictionary, 1);
    const auto words =
        std::vector{block(1)} + epoch(4) + std::vector{block(2), load(1, 0), load(2, 1), thread_end};
    const auto first = decoder.decode(words);
    EXPECT_EQ(first.outcome, BatchDecoder::Outcome::Epoch);
    EXPECT_EQ(decoder.epoch(), 2);
    EXPECT_TRUE(decoder.blocks().empty());
    EXPECT_EQ(decoder.decode(std::span(words).subspan(first.words)).outcome, BatchDecoder::Outcome::Epoch);
    EXPECT_EQ(decoder.epoch(), 4);
    EXPECT_EQ(decoder.blocks().size(), 1);
}

TEST_F(BatchDecoderTest, EntersACallBeforeAnEpochInsideIt) {
    const auto words = enter(SYS_close, 0, 5, 0) + epoch(2) + leave(SYS_close, 9);
    const auto entered = m_decoder.decode(words);
    EXPECT_EQ(entered.outcome, BatchDecoder::Outcome::Entered);
    const auto rest = std::span(words).subspan(entered.words);
    const auto noted = m_decoder.decode(rest);
    EXPECT_EQ(noted.outcome, BatchDecoder::Outcome::Epoch);
    EXPECT_EQ(m_decoder.decode(rest.subspan(noted.words)).outcome, BatchDecoder::Outcome::SystemCall);
    EXPECT_TRUE(m_decoder.syscall().entered);
}

TEST_F(BatchDecoderTest, DeliversAChangeAndAnExitAlone) {
    for (const auto& last : {enter(SYS_munmap, 0, 5, 7) + leave(SYS_munmap, 6),
                             enter(SYS_exit, 0, 5, 0) + std::vector{thread_end}}) {
        BatchDecoder decoder(m_dictionary);
        const auto words = std::vector{block(1)} + last;
        const auto blocks = decoder.decode(words);
        EXPECT_EQ(blocks.outcome, BatchDecoder::Outcome::BatchFull);
        EXPECT_EQ(decoder.blocks().size(), 1);
        EXPECT_EQ(decoder.decode(std::span(words).subspan(blocks.words)).outcome,
                  BatchDecoder::Outcome::SystemCall);
        EXPECT_TRUE(decoder.blocks().empty());
    }
}

TEST_F(BatchDecoderTest, RefusesDamage) {
    const std::vector<std::vector<std::uint64_t>> damaged{
        {load(1, 0)},
        {block(77)},
        {event_header(static_cast<EventKind>(9), 0)},
        {event_header(EventKind::SyscallEnter, 1), 0},
        {event_header(EventKind::SyscallEnter, 10), 0, 0, 0, 0, 0, 0, 0, 0, 1000, 0},
        {event_header(EventKind::SpaceEpoch, 2), 0, 0, block(0)},
        {event_header(EventKind::SyscallReturn, 3), 0, 0, 0},
        {event_header(EventKind::SyscallReturn, 2), 0, 0},
    };
    for (const auto& words : damaged) EXPECT_THROW(BatchDecoder(m_dictionary).decode(words), RunError);
}

} // namespace
} // namespace pagewalk::workloads
