#include "os/vm/numa_faults.h"

#include "base/address.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t slots = 10;                    // NUMA_PERIOD_SLOTS
constexpr std::uint64_t threshold = 7;                 // NUMA_PERIOD_THRESHOLD
constexpr std::uint64_t most_a_second = 2560ULL << 20; // MAX_SCAN_WINDOW, in bytes

} // namespace

/// Scans that it takes to see all of the memory.
std::uint64_t NumaFaults::windows(std::uint64_t resident) const {
    const std::uint64_t pages = m_config.scan_size >> page_shift;
    return std::max<std::uint64_t>(1, (resident + pages - 1) / pages);
}

Tick NumaFaults::least_period(std::uint64_t resident) const {
    const std::uint64_t floor =
        ticks_per_second / std::max<std::uint64_t>(1, most_a_second / m_config.scan_size);
    return Tick(std::max(floor, m_config.scan_period_min.value() / windows(resident)));
}

Tick NumaFaults::most_period(std::uint64_t resident) const {
    return std::max(least_period(resident), Tick(m_config.scan_period_max.value() / windows(resident)));
}

void NumaFaults::add(const NumaFault& fault) {
    m_on_node[index_of(fault.memory)].recent += fault.pages;
    (fault.memory == fault.cpu ? m_local : m_remote) += fault.pages;
    (fault.is_private ? m_private : m_shared) += fault.pages;
    if (fault.migration == NumaFault::Migration::Failed) m_failed += fault.pages;
}

bool NumaFaults::weigh(std::uint64_t rounds, std::uint64_t resident) {
    if (rounds == m_rounds) return false;
    m_rounds = rounds;
    std::uint64_t most = 0;
    for (std::size_t node = 0; node < m_on_node.size(); ++node) {
        OnNode& faults = m_on_node[node];
        faults.decayed = faults.decayed / 2 + faults.recent;
        faults.recent = 0;
        if (faults.decayed <= most) continue;
        most = faults.decayed;
        m_preferred = static_cast<NodeId>(node);
    }
    adapt_period(resident);
    return true;
}

/// update_task_scan_period: longer where most faults are local or private, shorter where they are not.
void NumaFaults::adapt_period(std::uint64_t resident) {
    m_backs_off = m_local + m_shared == 0 || m_failed != 0;
    if (m_backs_off) {
        m_period = std::min(most_period(resident), Tick(2 * m_period.value()));
    } else {
        const std::uint64_t slot = (m_period.value() + slots - 1) / slots;
        const std::uint64_t local = m_local * slots / (m_local + m_remote);
        const std::uint64_t own = m_private * slots / (m_private + m_shared);
        const std::uint64_t ratio = own >= threshold ? own : local;
        std::uint64_t period = m_period.value();
        if (ratio >= threshold) {
            period += std::max<std::uint64_t>(1, ratio - threshold) * slot;
        } else {
            period -= std::min(period, (threshold - std::max(local, own)) * slot);
        }
        m_period = std::clamp(Tick(period), least_period(resident), most_period(resident));
    }
    m_local = m_remote = m_failed = m_private = m_shared = 0;
}

} // namespace pagewalk::os
