#pragma once

#include "base/rng.h"
#include "workloads/synthetic/kernel_objects.h"

#include <cstdint>
#include <vector>

namespace pagewalk::workloads {

/// One driver call of a kernel_objects thread.
struct ObjectOperation {
    enum class Kind : std::uint8_t { Allocate, Free };
    Kind kind = Kind::Allocate;
    std::uint32_t share = 0;  ///< index in the sizes
    std::uint64_t handle = 0; ///< of the first object
    std::uint64_t count = 1;
    std::uint64_t order = 0; ///< place among the ordered calls of all threads; 0 = unordered
};

/// The calls of one thread in order. Handles are slots: thread t has those from t * slots on.
class ObjectSchedule {
public:
    ObjectSchedule(const KernelObjectsConfig& config, std::vector<ObjectShare> sizes, std::uint32_t thread,
                   std::uint32_t threads, Rng& rng);

    /// False at the natural end.
    [[nodiscard]] bool next(ObjectOperation& operation);

private:
    void next_churn(ObjectOperation& operation);
    void next_pair(ObjectOperation& operation);
    void next_fill(ObjectOperation& operation);
    [[nodiscard]] std::uint32_t draw();

    ObjectPattern m_pattern;
    std::vector<ObjectShare> m_sizes;
    std::uint64_t m_total_weight = 0;
    std::uint64_t m_slots;
    std::uint64_t m_batch;
    std::uint64_t m_left; ///< operations on objects
    std::uint32_t m_thread;
    std::uint32_t m_threads;
    Rng& m_rng;
    std::vector<std::uint32_t> m_live;   ///< by slot: share + 1, 0 = free
    std::vector<std::uint32_t> m_shares; ///< by batch of the fill pattern
    std::uint64_t m_at = 0;              ///< next slot of fill
    std::uint64_t m_call = 0;            ///< calls so far
    ObjectOperation::Kind m_phase = ObjectOperation::Kind::Allocate;
};

} // namespace pagewalk::workloads
