#include "workloads/trace/trace_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t last_user = 0x7fff'ffff'ffff;
constexpr std::uint64_t first_beyond = 0x8000'0000'0000;
constexpr std::uint64_t arm_user = 0xffff'9c0a'1000;
constexpr std::uint64_t kernel = 0xffff'8880'0010'0000;

TEST(TraceAddresses, LeavesTheUserHalfAndRefusesTheRest) {
    TraceAddresses addresses(TraceConfig{});
    for (const std::uint64_t address :
         {std::uint64_t{0}, std::uint64_t{0x400000}, TraceAddresses::moved_begin, last_user})
        EXPECT_EQ(addresses.place(address), address);
    for (const std::uint64_t address : {first_beyond, arm_user, kernel, ~std::uint64_t{0}})
        EXPECT_EQ(addresses.place(address), std::nullopt) << address;
    EXPECT_THAT(addresses.why_refused(arm_user), HasSubstr("0xffff9c0a1000"));
}

TEST(TraceAddresses, MovesWholeGigabytesInTheOrderTheyAreMet) {
    TraceAddresses addresses({KernelAddresses::UserPages});
    constexpr std::uint64_t gib = 1 << 30;
    EXPECT_EQ(addresses.place(last_user), last_user);
    EXPECT_EQ(addresses.place(kernel), TraceAddresses::moved_begin + kernel % gib);
    EXPECT_EQ(addresses.place(arm_user), TraceAddresses::moved_begin + gib + arm_user % gib);
    EXPECT_EQ(addresses.place(kernel + 8), TraceAddresses::moved_begin + kernel % gib + 8);
}

TEST(TraceAddresses, RefusesWhatWouldMeetMovedPages) {
    TraceAddresses addresses({KernelAddresses::UserPages});
    EXPECT_EQ(addresses.place(TraceAddresses::moved_begin - 1), TraceAddresses::moved_begin - 1);
    EXPECT_EQ(addresses.place(TraceAddresses::moved_begin), std::nullopt);
    EXPECT_EQ(addresses.place(TraceAddresses::moved_end - 1), std::nullopt);
    EXPECT_EQ(addresses.place(TraceAddresses::moved_end), TraceAddresses::moved_end);
    EXPECT_THAT(addresses.why_refused(TraceAddresses::moved_begin), HasSubstr("moves other pages"));
    constexpr std::uint64_t room = (TraceAddresses::moved_end - TraceAddresses::moved_begin) >> 30;
    for (std::uint64_t i = 0; i < room; ++i) ASSERT_TRUE(addresses.place(kernel + (i << 30)));
    EXPECT_EQ(addresses.place(kernel + (room << 30)), std::nullopt);
    EXPECT_THAT(addresses.why_refused(kernel + (room << 30)), HasSubstr("more GiB"));
}

TEST(TraceAddresses, OfPlainOnesNoneIsMovedOrRefused) {
    const TraceAddresses refusing(TraceConfig{});
    EXPECT_TRUE(refusing.is_plain(last_user | 0x400000));
    EXPECT_FALSE(refusing.is_plain(0x400000 | arm_user));
    const TraceAddresses moving({KernelAddresses::UserPages});
    EXPECT_TRUE(moving.is_plain(0x400000 | (TraceAddresses::moved_begin - 1)));
    EXPECT_FALSE(moving.is_plain(0x400000 | TraceAddresses::moved_begin));
}

} // namespace
} // namespace pagewalk::workloads
