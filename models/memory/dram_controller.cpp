#include "models/memory/dram_controller.h"

#include "base/address.h"

#include <algorithm>

namespace pagewalk::models {

DramController::DramController(const DramConfig& config)
    : m_timing((config.validate(), config.full_timing())), m_mapper(config),
      m_clocks_a_tick(static_cast<std::uint64_t>(
          (static_cast<unsigned __int128>(m_timing.clock.hertz()) << 64) / ticks_per_second)),
      m_latency_in(config.controller_latency.value() / 2),
      m_latency_out(config.controller_latency.value() - config.controller_latency.value() / 2) {
    for (std::uint32_t i = 0; i < config.channels; ++i) m_channels.emplace_back(config, m_timing, m_stats);
}

Tick DramController::access(const LineRequest& request) {
    const std::uint64_t line = request.line.value() >> line_shift;
    const DramPlace place = m_mapper.place(request.line);
    DramChannel& channel = m_channels[place.channel];
    const std::uint64_t arrived = request.time.value() + m_latency_in;
    if (request.kind == AccessKind::WriteBack) return write(channel, place, line, arrived);
    ++m_stats.reads;
    m_stats.read_bytes += line_size;
    std::uint64_t served = arrived;
    if (channel.holds_write(line))
        ++m_stats.forwarded;
    else
        served = ticks(channel.read(place, line, edge(arrived)));
    const Tick arrives(served + m_latency_out);
    m_stats.read_latency.add((arrives - request.time).value());
    return arrives;
}

Tick DramController::write(DramChannel& channel, const DramPlace& place, std::uint64_t line,
                           std::uint64_t arrived) {
    ++m_stats.writes;
    m_stats.write_bytes += line_size;
    if (channel.holds_write(line)) {
        ++m_stats.merged_writes;
        return Tick(arrived);
    }
    return Tick(std::max(arrived, ticks(channel.write(place, line, edge(arrived)))));
}

void DramController::finish() {
    for (DramChannel& channel : m_channels) channel.serve(std::numeric_limits<std::uint64_t>::max());
}

} // namespace pagewalk::models
