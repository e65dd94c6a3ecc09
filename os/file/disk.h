#pragma once

#include "base/time.h"

#include <cstdint>

namespace pagewalk::os {

/// A block device as the page cache sees it until requests go to a device model: every request waits
/// `latency`, and data follow one another at `bandwidth`.
struct DiskConfig {
    Tick latency{
        80'000 *
        ticks_per_ns}; ///< of a 4 KiB random read. Source: Intel SSD DC P4510 data sheet, 77 us typical
    std::uint64_t bandwidth = 3'200'000'000; ///< bytes/s. Source: the same, sequential read
};

class Disk {
public:
    explicit Disk(const DiskConfig& config) : m_config(config) {}

    /// Submits a read at `now`; returns when its data are in memory.
    [[nodiscard]] Tick read(Tick now, std::uint64_t bytes) {
        const Tick start = now < m_busy_until ? m_busy_until : now;
        const auto transfer = static_cast<std::uint64_t>(static_cast<unsigned __int128>(bytes) *
                                                         ticks_per_second / m_config.bandwidth);
        m_busy_until = start + Tick(transfer);
        return m_busy_until + m_config.latency;
    }

private:
    DiskConfig m_config;
    Tick m_busy_until{};
};

} // namespace pagewalk::os
