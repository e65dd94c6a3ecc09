#pragma once

#include "os/kernel/kernel.h"
#include "os/replay/process_walk.h"
#include "os/replay/program_report.h"
#include "os/vm/space_image.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// The memory of a walked process as a kernel can take it over. Pages in `onto_lru` are not on an LRU list
/// yet. `file_prefix` comes before the names of files.
[[nodiscard]] SpaceImage image_of(const WalkedProcess& process, const std::vector<Pfn>& onto_lru,
                                  const std::string& file_prefix);

/// Holds every area, page and table of a walk against the simulated kernel's.
class WalkComparison {
public:
    /// `first`: the program's first task; its children and threads have the numbers that follow.
    WalkComparison(ProgramReport& report, Kernel& kernel, TaskId first)
        : m_report(report), m_kernel(kernel), m_first(index_of(first)) {}

    void compare(const ProcessWalk& walk);
    /// The marker was not reached: nothing of it is the same.
    void miss(const ProcessWalk& walk);

private:
    void compare_process(const WalkedProcess& real, AddressSpace& ours);
    void compare_areas(const WalkedProcess& real, const AddressSpace& ours);
    void compare_tables(const WalkedProcess& real, AddressSpace& ours);
    void compare_pages(const WalkedProcess& real, AddressSpace& ours);
    void miss_process(const WalkedProcess& real);
    [[nodiscard]] std::uint64_t deposited_tables(AddressSpace& space);
    void differ(const std::string& field, const std::string& real, const std::string& ours);
    [[nodiscard]] AddressSpace* space_of(const WalkedProcess& process);

    ProgramReport& m_report;
    Kernel& m_kernel;
    std::size_t m_first;
    std::string m_marker, m_who;
};

} // namespace pagewalk::os
