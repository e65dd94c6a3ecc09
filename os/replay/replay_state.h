#pragma once

#include "os/page/page_allocator.h"
#include "os/replay/page_replay.h"
#include "os/replay/page_snapshot.h"
#include "os/replay/page_trace.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// What happens to a frame after its mm_page_free: the event's meaning depends on it.
enum class AfterFree : std::uint8_t {
    Unknown, ///< nothing more in the trace
    Pcp,     ///< it is put on a per-CPU list
    Other,   ///< allocated or freed again first: it went straight to the free lists
};

/// What both ways of replaying share: the allocator under test, the comparison, and putting reality back
/// after a difference so that one wrong frame is counted once.
class ReplayState {
public:
    ReplayState(const PageSnapshot& before, const ReplayOptions& options, ReplayReport& report);

    [[nodiscard]] PageAllocator& allocator() { return *m_allocator; }
    [[nodiscard]] ReplayReport& report() { return m_report; }
    [[nodiscard]] const ReplayOptions& options() const { return m_options; }

    /// The zone of an event's block. Errors: InputError when it is outside every zone.
    Zone& zone_of(const PageTraceEvent& event);
    /// The zone that the capture calls node.zone. Errors: InputError.
    [[nodiscard]] Zone& zone_named(const PageTraceEvent& event);
    [[nodiscard]] Zone* find_zone(int node, int kernel_index);

    /// A phase of a name met before goes on counting there.
    void begin_phase(const std::string& name);
    void count_allocation(bool same);
    void check(std::string_view what) {
        auto counted = m_checks.find(what);
        if (counted == m_checks.end()) counted = m_checks.emplace(std::string(what), 0).first;
        ++counted->second;
    }
    /// Counts a difference and, if it is the first, describes it.
    void differ(const char* what, const PageTraceEvent& event, const std::string& model);

    /// Marks a frame that the trace frees as in use, unless the model has it free. Returns false then.
    bool adopt(const PageTraceEvent& event);
    /// Prepares the free of a traced block, whatever the model thought of it.
    void prepare_free(const PageTraceEvent& event);
    /// Gives back a block that the model handed out and the kernel did not.
    void undo(Pfn frame, unsigned order, Migratetype type, CpuId cpu);
    /// Takes a block out of wherever the model has it. Returns where that was.
    std::string force(Pfn frame, unsigned order, CpuId cpu);
    /// compaction and page isolation took a free block off its list, or put it back.
    void isolate(const PageTraceEvent& event);
    void put_back(const PageTraceEvent& event);

    void compare_with(const PageSnapshot& after);
    void finish();

    [[nodiscard]] static std::string hex(std::uint64_t value);

private:
    [[nodiscard]] std::string describe_lists(const Zone& zone, unsigned order, CpuId cpu) const;

    const PageSnapshot& m_before;
    ReplayOptions m_options;
    ReplayReport& m_report;
    std::unique_ptr<PageAllocator> m_allocator;
    std::size_t m_phase = 0;
    std::map<std::string, std::uint64_t, std::less<>> m_checks;
};

/// For each event that frees a block, what follows for that block.
[[nodiscard]] std::vector<AfterFree> look_ahead(const std::vector<PageTraceEvent>& events,
                                                bool kernel_events_only);

} // namespace pagewalk::os
