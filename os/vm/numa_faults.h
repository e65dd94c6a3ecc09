#pragma once

#include "base/ids.h"
#include "os/vm/numa_balancing_config.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::os {

/// A NUMA hint fault, as its task counts it.
struct NumaFault {
    NodeId memory{};        ///< where the page is, after a migration
    NodeId cpu{};           ///< where the task runs
    bool is_private = true; ///< the task was the last to fault on the page, too
    enum class Migration : std::uint8_t { None, Done, Failed };
    Migration migration = Migration::None;
    std::uint64_t pages = 1;
};

/// What a task's hint faults tell: which node it prefers, and how long it is to run between two scans of its
/// memory. Source: Linux 6.1, sysctl/kernel.rst (numa_balancing), and its behaviour in groundtruth/proc.
class NumaFaults {
public:
    NumaFaults(const NumaBalancingConfig& config, std::size_t nodes)
        : m_config(config), m_period(config.scan_delay), m_on_node(nodes) {}

    /// Before its first scan: as often as a task of this size may. `resident`: its pages.
    void start(std::uint64_t resident) { m_period = least_period(resident); }
    void add(const NumaFault& fault);
    /// The memory's scans have come round `rounds` times: once a round, the faults since are weighed
    /// (task_numa_placement). Returns whether it was due.
    bool weigh(std::uint64_t rounds, std::uint64_t resident);

    [[nodiscard]] Tick period() const { return m_period; }
    [[nodiscard]] std::optional<NodeId> preferred() const { return m_preferred; }
    /// Of the memory's scans that were weighed.
    [[nodiscard]] std::uint64_t rounds() const { return m_rounds; }
    /// Failed migrations, or no faults at all: the next scan of the memory is to wait for a whole period.
    [[nodiscard]] bool backs_off() const { return m_backs_off; }

private:
    struct OnNode {
        std::uint64_t recent = 0; ///< since the last weighing
        std::uint64_t decayed = 0;
    };
    [[nodiscard]] Tick least_period(std::uint64_t resident) const;
    [[nodiscard]] Tick most_period(std::uint64_t resident) const;
    [[nodiscard]] std::uint64_t windows(std::uint64_t resident) const;
    void adapt_period(std::uint64_t resident);

    NumaBalancingConfig m_config;
    Tick m_period;
    std::vector<OnNode> m_on_node;
    std::optional<NodeId> m_preferred;
    std::uint64_t m_rounds = 0;
    std::uint64_t m_local = 0, m_remote = 0, m_failed = 0;
    std::uint64_t m_private = 0, m_shared = 0;
    bool m_backs_off = false;
};

} // namespace pagewalk::os
