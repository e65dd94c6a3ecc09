#include "os/proc/memory_stat.h"

#include <array>
#include <string_view>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::array lru_names =
    std::to_array<std::pair<std::string_view, LruList>>({{"inactive_anon", LruList::InactiveAnon},
                                                         {"active_anon", LruList::ActiveAnon},
                                                         {"inactive_file", LruList::InactiveFile},
                                                         {"active_file", LruList::ActiveFile},
                                                         {"unevictable", LruList::Unevictable}});

/// Of one group, each line behind the same folder.
class Lines {
public:
    explicit Lines(std::string folder) : m_folder(std::move(folder)) {}

    void add(std::string_view file, std::uint64_t value) { add(file, std::to_string(value)); }
    void pages(std::string_view file, std::uint64_t pages) { add(file, pages * page_size); }
    /// A limit, which may be none.
    void limit(std::string_view file, std::uint64_t pages) {
        if (pages == MemoryLimits::none)
            add(file, "max");
        else
            this->pages(file, pages);
    }
    [[nodiscard]] const std::string& text() const { return m_text; }

private:
    void add(std::string_view file, const std::string& value) {
        m_text += m_folder + std::string(file) + ' ' + value + '\n';
    }

    std::string m_folder, m_text;
};

void add_limits(Lines& lines, const MemoryCgroup& group) {
    lines.pages("memory.current", group.usage);
    lines.pages("memory.peak", group.peak);
    lines.pages("memory.min", group.limits.min);
    lines.pages("memory.low", group.limits.low);
    lines.limit("memory.high", group.limits.high);
    lines.limit("memory.max", group.limits.max);
    lines.pages("memory.swap.current", group.swap_usage);
    lines.limit("memory.swap.max", group.limits.swap);
}

void add_events(Lines& lines, const MemoryCgroup& group) {
    lines.add("memory.events low", group.low_hits);
    lines.add("memory.events high", group.high_hits);
    lines.add("memory.events max", group.limit_hits);
    lines.add("memory.events oom_kill", group.oom_kills);
}

void add_statistics(Lines& lines, const Kernel& kernel, const MemoryCgroup& group) {
    const PageAllocator& allocator = kernel.allocator();
    for (const auto& [name, list] : lru_names) {
        std::uint64_t pages = 0;
        for (std::size_t node = 0; node < allocator.node_count(); ++node)
            pages += kernel.frames().lru().size(LruVec{static_cast<NodeId>(node), group.number}, list);
        lines.pages("memory.stat " + std::string(name), pages);
    }
    lines.add("memory.stat workingset_refault_anon", group.refaults[0]);
    lines.add("memory.stat workingset_refault_file", group.refaults[1]);
    lines.add("memory.stat pgscan", group.scanned);
    lines.add("memory.stat pgsteal", group.reclaimed);
    lines.add("memory.stat pgrefill", group.refilled);
}

} // namespace

std::string memory_cgroups_text(const Kernel& kernel) {
    std::string text;
    for (const Program& program : kernel.programs()) {
        if (program.cgroup == nullptr) continue;
        const std::string folder = "program." + std::to_string(pagewalk::index_of(program.number)) + '/';
        if (text.find(folder) != std::string::npos) continue; // a trace that has begun again
        Lines lines(folder);
        add_limits(lines, *program.cgroup);
        add_events(lines, *program.cgroup);
        add_statistics(lines, kernel, *program.cgroup);
        text += lines.text();
    }
    return text;
}

} // namespace pagewalk::os
