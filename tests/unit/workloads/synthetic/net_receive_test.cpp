#include "tests/unit/workloads/synthetic/synthetic_support.h"

namespace pagewalk::workloads {
namespace {

std::vector<SyscallRecord> receives(const Record& record) {
    return record.calls(static_cast<std::uint32_t>(NetCall::Receive));
}

TEST(NetReceive, ReceivesItsMessages) {
    SyntheticConfig config = small_config();
    config.net_receive = {.how = NetReceive::Remap, .message_bytes = 9000, .messages = 20};
    const auto calls = receives(run_first("net_receive", config));
    ASSERT_EQ(calls.size(), 20U);
    for (const SyscallRecord& call : calls) {
        EXPECT_EQ(call.arguments[0], static_cast<std::uint64_t>(NetReceive::Remap));
        EXPECT_EQ(call.arguments[1], 9000U);
        EXPECT_EQ(call.arguments[2], 1U);
    }
}

TEST(NetReceive, MayLeaveTheMessagesUnread) {
    SyntheticConfig config = small_config();
    config.net_receive = {.reads = ReadsMessages::Off, .messages = 1};
    EXPECT_EQ(receives(run_first("net_receive", config)).front().arguments[2], 0U);
}

TEST(NetReceive, RefusesMessagesThatASocketDoesNotHold) {
    SyntheticConfig config = small_config();
    config.net_receive.message_bytes = 3U << 20;
    EXPECT_THROW((void)make_synthetic("net_receive", config), ConfigError);
}

} // namespace
} // namespace pagewalk::workloads
