#include "models/interconnect/socket_link.h"

#include <utility>

namespace pagewalk::models {

namespace {

void declare_link(SocketLinkConfig& link, OptionGroup group, OptionText latency, OptionText bandwidth) {
    group.number("latency", link.latency, {0, ticks_per_second}, std::move(latency));
    group.number("bandwidth", link.bandwidth, {1'000'000, 10'000'000'000'000}, std::move(bandwidth));
}

} // namespace

void SocketLinksConfig::declare(const OptionGroup& root) {
    declare_link(sockets, root.group("socket_link"),
                 {Unit::Ticks, "one way between two sockets", "assumed: remote memory then takes 60 ns more"},
                 {Unit::BytesPerSecond, "of each direction",
                  "Ice Lake server: three UPI links of 11.2 GT/s, 2 bytes a transfer"});
    declare_link(clusters, root.group("cluster_link"),
                 {Unit::Ticks, "one way between two clusters of a socket (machine.clusters)",
                  "assumed: 10 ns more, as published for EPYC's quadrants"},
                 {Unit::BytesPerSecond, "of each direction, for each two clusters",
                  "assumed: 32 bytes a cycle of a 2 GHz fabric"});
}

void SocketLinkStats::declare(StatGroup group) const {
    group.counter("messages", messages, "count", "messages carried, both directions");
    group.counter("bytes", bytes, "bytes", "carried, headers included");
    group.counter("wait", wait, "ps", "time that messages waited for the wire, summed");
}

SocketLink::SocketLink(const SocketLinkConfig& config)
    : m_latency(config.latency), m_ticks_a_byte((ticks_per_second << fraction_bits) / config.bandwidth) {}

} // namespace pagewalk::models
