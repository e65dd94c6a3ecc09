#include "models/interconnect/socket_link.h"

namespace pagewalk::models {

void SocketLinkConfig::declare(OptionGroup group) {
    group.number(
        "latency", latency, {0, ticks_per_second},
        {Unit::Ticks, "one way between two sockets", "assumed: remote memory then takes 60 ns more"});
    group.number("bandwidth", bandwidth, {1'000'000, 10'000'000'000'000},
                 {Unit::BytesPerSecond, "of each direction",
                  "Ice Lake server: three UPI links of 11.2 GT/s, 2 bytes a transfer"});
}

void SocketLinkStats::declare(StatGroup group) const {
    group.counter("messages", messages, "count", "messages carried, both directions");
    group.counter("bytes", bytes, "bytes", "carried, headers included");
    group.counter("wait", wait, "ps", "time that messages waited for the wire, summed");
}

SocketLink::SocketLink(const SocketLinkConfig& config)
    : m_latency(config.latency), m_ticks_a_byte((ticks_per_second << fraction_bits) / config.bandwidth) {}

} // namespace pagewalk::models
