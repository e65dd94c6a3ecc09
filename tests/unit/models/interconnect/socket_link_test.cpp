#include "models/interconnect/socket_link.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

/// 16 GB/s: a header of 16 bytes takes 1 ns of wire, a line with its header 5 ns.
SocketLinkConfig slow() {
    SocketLinkConfig config;
    config.latency = Tick(30'000);
    config.bandwidth = 16'000'000'000;
    return config;
}

TEST(SocketLink, MessageTakesItsWireTimeAndTheLatency) {
    SocketLink link(slow());
    EXPECT_EQ(link.send(SocketLink::Direction::Forth, 64, Tick(1000)), Tick(1000 + 5000 + 30'000));
}

TEST(SocketLink, MessagesOfOneDirectionShareTheWire) {
    SocketLink link(slow());
    link.send(SocketLink::Direction::Forth, 64, Tick(1000));
    EXPECT_EQ(link.send(SocketLink::Direction::Forth, 0, Tick(2000)), Tick(6000 + 1000 + 30'000));
    EXPECT_EQ(link.stats().wait, 4000U);
}

TEST(SocketLink, DirectionsDoNotDisturbEachOther) {
    SocketLink link(slow());
    link.send(SocketLink::Direction::Forth, 64, Tick(1000));
    EXPECT_EQ(link.send(SocketLink::Direction::Back, 0, Tick(2000)), Tick(2000 + 1000 + 30'000));
    EXPECT_EQ(link.stats().bytes, 16U + 64U + 16U);
}

} // namespace
} // namespace pagewalk::models
