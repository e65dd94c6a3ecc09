#pragma once

#include "base/option.h"
#include "base/stats.h"
#include "base/time.h"
#include "models/interconnect/timeline.h"

#include <array>
#include <cstdint>

namespace pagewalk::models {

/// The link between two sockets, or between two clusters of a socket; each direction on its own.
struct SocketLinkConfig {
    Tick latency{30'000};                        ///< one way
    std::uint64_t bandwidth = 67'200'000'000ULL; ///< bytes a second and direction
};

struct SocketLinksConfig {
    SocketLinkConfig sockets;
    SocketLinkConfig clusters{.latency = Tick(5'000), .bandwidth = 64'000'000'000ULL};

    /// [socket_link] and [cluster_link].
    void declare(const OptionGroup& root);
};

struct SocketLinkStats {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::uint64_t wait = 0; ///< ticks

    void declare(StatGroup group) const;
};

/// Carries messages between two sides: each takes the wire for its length, then the latency. Timed by
/// reservation.
class SocketLink {
public:
    static constexpr std::uint64_t header_bytes = 16; ///< of every message; assumed

    enum class Direction : std::uint8_t { Forth, Back };

    explicit SocketLink(const SocketLinkConfig& config);

    /// When a message of `header_bytes` and `payload` bytes that is ready at `time` has arrived.
    Tick send(Direction direction, std::uint64_t payload, Tick time) {
        const std::uint64_t bytes = header_bytes + payload;
        const Tick wire((bytes * m_ticks_a_byte) >> fraction_bits);
        const Tick start = m_wires[static_cast<std::size_t>(direction)].reserve(time, wire);
        ++m_stats.messages;
        m_stats.bytes += bytes;
        m_stats.wait += (start - time).value();
        return start + wire + m_latency;
    }
    [[nodiscard]] Tick latency() const { return m_latency; }
    [[nodiscard]] const SocketLinkStats& stats() const { return m_stats; }
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    static constexpr unsigned fraction_bits = 24;

    Tick m_latency;
    std::uint64_t m_ticks_a_byte; // fixed point
    std::array<Timeline<64>, 2> m_wires;
    SocketLinkStats m_stats;
};

} // namespace pagewalk::models
