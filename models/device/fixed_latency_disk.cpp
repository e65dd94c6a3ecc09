#include "models/device/fixed_latency_disk.h"

#include <algorithm>

namespace pagewalk::models {

void DiskConfig::declare(OptionGroup os) {
    os.number("disk_latency", latency, {0, 10 * ticks_per_second},
              {Unit::Ticks, "latency of a 4 KiB read from the disk that holds the files",
               "Intel SSD DC P4510 data sheet: 77 us typical"});
    os.number(
        "disk_bandwidth", bandwidth, {1'000'000, 1'000'000'000'000},
        {Unit::BytesPerSecond, "rate at which that disk delivers data", "Intel SSD DC P4510 data sheet"});
}

void DiskStats::declare(StatGroup group) const {
    group.counter("requests", requests, "count", "requests submitted");
    group.counter("bytes", bytes, "bytes", "bytes read and written");
    group.counter("busy_ticks", busy_ticks, "ps", "time spent moving data");
}

void FixedLatencyDisk::submit(const BlockRequest& request, Tick now) {
    const Tick start = std::max(now, m_busy_until);
    const auto transfer = Tick(static_cast<std::uint64_t>(static_cast<unsigned __int128>(request.bytes) *
                                                          ticks_per_second / m_config.bandwidth));
    m_busy_until = start + transfer;
    ++m_stats.requests;
    m_stats.bytes += request.bytes;
    m_stats.busy_ticks += transfer.value();
    const Completion done{m_busy_until + m_config.latency, {request.tag, m_busy_until, BlockStatus::Done}};
    m_completions[static_cast<std::uint32_t>(request.cpu)].push_back(done);
    m_interrupts.raise(request.cpu, {InterruptKind::Device, m_device}, done.time);
}

std::size_t FixedLatencyDisk::take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) {
    std::deque<Completion>& queue = m_completions[static_cast<std::uint32_t>(cpu)];
    std::size_t taken = 0;
    for (; taken < done.size() && !queue.empty() && queue.front().time <= now; queue.pop_front())
        done[taken++] = queue.front().what;
    return taken;
}

} // namespace pagewalk::models
