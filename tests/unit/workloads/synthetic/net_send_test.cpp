#include "tests/unit/workloads/synthetic/synthetic_support.h"

namespace pagewalk::workloads {
namespace {

std::vector<SyscallRecord> sends(const Record& record) {
    return record.calls(static_cast<std::uint32_t>(NetCall::Send));
}

TEST(NetSend, SendsItsMessages) {
    SyntheticConfig config = small_config();
    config.net_send = {.how = NetSend::ZeroCopy, .message_bytes = 9000, .messages = 20};
    const auto calls = sends(run_first("net_send", config));
    ASSERT_EQ(calls.size(), 20U);
    for (const SyscallRecord& call : calls) {
        EXPECT_EQ(call.arguments[0], static_cast<std::uint64_t>(NetSend::ZeroCopy));
        EXPECT_EQ(call.arguments[1], 9000U);
        EXPECT_EQ(call.arguments[2], 1U);
    }
}

TEST(NetSend, MayLeaveTheMessagesUnwritten) {
    SyntheticConfig config = small_config();
    config.net_send = {.writes = WritesMessages::Off, .messages = 1};
    EXPECT_EQ(sends(run_first("net_send", config)).front().arguments[2], 0U);
}

TEST(NetSend, RefusesMessagesThatTheCallDoesNotTake) {
    SyntheticConfig config = small_config();
    config.net_send.message_bytes = 3U << 20;
    EXPECT_THROW((void)make_synthetic("net_send", config), ConfigError);
}

} // namespace
} // namespace pagewalk::workloads
