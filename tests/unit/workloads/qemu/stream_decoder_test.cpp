#include "workloads/qemu/stream_decoder.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

/// Two threads of one process; block 0 is a jump to itself.
class StreamDecoderTest : public testing::Test {
protected:
    StreamDecoderTest() {
        const std::vector<std::uint8_t> lengths{2}, bytes{0xeb, 0xfe};
        m_dictionary.add(0, VirtAddr(0x1000), lengths, bytes);
        m_order.join(0, {10, 10, 1, 0}, nullptr);
        m_order.join(1, {11, 10, 1, 0}, nullptr);
        EXPECT_FALSE(m_mapper.is_held());
        EXPECT_FALSE(m_user.is_held());
    }
    static constexpr std::uint64_t block = block_word;
    const std::vector<std::uint64_t> m_change{event_header(EventKind::SyscallEnter, 10),
                                              SYS_munmap,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              0,
                                              1,
                                              0,
                                              1,
                                              event_header(EventKind::SyscallReturn, 3),
                                              SYS_munmap,
                                              0,
                                              2,
                                              block,
                                              event_header(EventKind::ThreadEnd, 0)};
    const std::vector<std::uint64_t> m_use{block, event_header(EventKind::SpaceEpoch, 1), 2, block,
                                           event_header(EventKind::ThreadEnd, 0)};

    BlockDictionary m_dictionary;
    SpaceOrder m_order;
    StreamDecoder m_mapper{m_dictionary, &m_order, 0, 0};
    StreamDecoder m_user{m_dictionary, &m_order, 1, 0};
};

TEST_F(StreamDecoderTest, HandsAChangeOutOnceTheOtherThreadHasExecutedWhatCameBefore) {
    const auto change = m_mapper.decode(m_change);
    EXPECT_FALSE(change.batch.has_value());
    EXPECT_TRUE(m_mapper.is_held());
    const auto before = m_user.decode(m_use);
    ASSERT_TRUE(before.batch.has_value());
    EXPECT_EQ(before.batch->blocks.size(), 1);
    EXPECT_TRUE(m_mapper.is_held()); // handed out, but not known to be executed
    m_user.resume();
    EXPECT_TRUE(m_user.is_held());
    ASSERT_FALSE(m_mapper.is_held());
    const auto call = m_mapper.decode({});
    ASSERT_TRUE(call.batch.has_value());
    EXPECT_EQ(call.batch->status, StreamStatus::SystemCall);
    EXPECT_TRUE(m_user.is_held()); // the call is under way
    m_mapper.resume();
    EXPECT_FALSE(m_user.is_held());
}

TEST_F(StreamDecoderTest, HoldsNothingBackWithoutAnOrder) {
    StreamDecoder alone(m_dictionary, nullptr, 0, 0);
    EXPECT_FALSE(alone.is_held());
    EXPECT_FALSE(alone.decode(m_change).batch.has_value());
    EXPECT_FALSE(alone.is_held());
    EXPECT_EQ(alone.decode({}).batch->status, StreamStatus::SystemCall);
}

TEST_F(StreamDecoderTest, HoldsAThreadBackThatBeganAfterAChange) {
    m_order.join(2, {12, 10, 1, 2}, nullptr);
    StreamDecoder late(m_dictionary, &m_order, 2, 2);
    EXPECT_TRUE(late.is_held());
    m_order.change_took_place(0, 1);
    EXPECT_FALSE(late.is_held());
}

} // namespace
} // namespace pagewalk::workloads
