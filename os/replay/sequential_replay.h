#pragma once

#include "os/replay/page_trace.h"
#include "os/replay/replay_state.h"
#include "os/replay/workload_log.h"

#include <span>
#include <vector>

namespace pagewalk::os {

/// Replays events one after the other as whole kernel calls: for captures in which no two operations overlap.
/// The allocator chooses node, zone and frame from the request alone.
class SequentialReplay {
public:
    SequentialReplay(ReplayState& state, const WorkloadLog& log);

    void run(const std::vector<PageTraceEvent>& events);

private:
    void allocate(const PageTraceEvent& event);
    void bulk_page(const PageTraceEvent& event);
    void free(const PageTraceEvent& event, AfterFree after);
    void commit(const PageTraceEvent& event);
    void commit_batched(const PageTraceEvent& event);
    void probe_page(const PageTraceEvent& event);
    void unreserve(const PageTraceEvent& event);
    void probe_zone(const PageTraceEvent& event);
    void mark(const PageTraceEvent& event);

    [[nodiscard]] const LoggedAllocation* match_log(const PageTraceEvent& event);
    void apply_readings(const LoggedAllocation& logged);
    void check_zonelists();
    [[nodiscard]] AllocRequest request_of(const PageTraceEvent& event, const LoggedAllocation* logged) const;

    ReplayState& m_state;
    PageAllocator& m_allocator;
    const WorkloadLog& m_log;
    std::size_t m_next_logged = 0;
    std::size_t m_phase = static_cast<std::size_t>(-1);
    Pfn m_last_allocated = no_pfn;
};

} // namespace pagewalk::os
