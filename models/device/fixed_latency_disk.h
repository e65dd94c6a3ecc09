#pragma once

#include "base/option.h"
#include "base/stats.h"
#include "base/time.h"
#include "contract/block_request.h"
#include "contract/interrupt.h"

#include <cstdint>
#include <deque>
#include <unordered_map>

namespace pagewalk::models {

struct DiskConfig {
    Tick latency{
        80'000 *
        ticks_per_ns}; ///< of a 4 KiB random read. Source: Intel SSD DC P4510 data sheet, 77 us typical
    std::uint64_t bandwidth = 3'200'000'000; ///< bytes/s. Source: the same, sequential read

    /// Declares os.disk_latency and os.disk_bandwidth.
    void declare(OptionGroup os);
};

struct DiskStats {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::uint64_t busy_ticks = 0;

    void declare(StatGroup group) const;
};

/// A block device of one queue: data follow one another at its bandwidth, and every request is complete
/// `latency` after its last byte.
class FixedLatencyDisk final : public BlockDevice {
public:
    FixedLatencyDisk(const DiskConfig& config, std::uint32_t device, InterruptController& interrupts)
        : m_config(config), m_device(device), m_interrupts(interrupts) {}

    [[nodiscard]] std::uint32_t interrupt_source() const override { return m_device; }
    void submit(const BlockRequest& request, Tick now) override;
    std::size_t take_completions(CpuId cpu, Tick now, std::span<BlockCompletion> done) override;
    void declare(StatGroup group) const { m_stats.declare(group); }

private:
    struct Completion {
        Tick time{};
        BlockCompletion what;
    };

    DiskConfig m_config;
    std::uint32_t m_device;
    InterruptController& m_interrupts;
    Tick m_busy_until{};
    std::unordered_map<std::uint32_t, std::deque<Completion>> m_completions; ///< by CPU, earliest first
    DiskStats m_stats;
};

} // namespace pagewalk::models
