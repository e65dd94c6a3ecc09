#include "os/proc/process_files.h"

#include "os/proc/process_memory_text.h"
#include "os/proc/smaps.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace pagewalk::os {
namespace {

constexpr std::size_t node_bits = 1024; // CONFIG_NODES_SHIFT=10 of Debian's kernel

/// As the kernel's %*pbl prints sets: "0-3,8".
template <class Contains>
std::string list_text(std::size_t size, const Contains& contains) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        if (!contains(i)) continue;
        std::size_t last = i;
        while (last + 1 < size && contains(last + 1)) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(i);
        if (last != i) text += "-" + std::to_string(last);
        i = last;
    }
    return text;
}

/// As %*pb: words of 32 bits, the highest first; a word that is not whole is as long as it needs.
template <class Contains>
std::string mask_text(std::size_t size, const Contains& contains) {
    std::string text;
    for (std::size_t word = (size + 31) / 32; word-- != 0;) {
        std::uint32_t bits = 0;
        for (std::size_t bit = 0; bit < 32 && word * 32 + bit < size; ++bit)
            if (contains(word * 32 + bit)) bits |= 1U << bit;
        const std::size_t digits = (std::min<std::size_t>(size - word * 32, 32) + 3) / 4;
        std::array<char, 12> hexadecimal{};
        std::snprintf(hexadecimal.data(), hexadecimal.size(), "%0*x", static_cast<int>(digits), bits);
        text += (text.empty() ? "" : ",") + std::string(hexadecimal.data());
    }
    return text;
}

/// mpol_to_str.
std::string policy_text(const MemoryPolicy& policy) {
    const std::string nodes = ":" + list_text(max_nodes, [&](std::size_t i) {
                                  return policy.nodes().contains(static_cast<NodeId>(i));
                              });
    switch (policy.mode()) {
    case MemoryPolicy::Mode::Local:
        break;
    case MemoryPolicy::Mode::Preferred:
        return "prefer" + nodes;
    case MemoryPolicy::Mode::Bind:
        return "bind" + nodes;
    case MemoryPolicy::Mode::Interleave:
        return "interleave" + nodes;
    }
    return "default";
}

/// gather_stats: what the entries of one area map.
struct NumaCounts {
    std::uint64_t pages = 0, anonymous = 0, dirty = 0, active = 0, writeback = 0, swap_cache = 0;
    std::uint32_t most_mappings = 0;
    std::uint64_t page_bytes = page_size;
    std::vector<std::uint64_t> on_node;
};

class NumaCounter {
public:
    explicit NumaCounter(Kernel& kernel) : m_kernel(kernel) {
        m_counts.on_node.resize(kernel.allocator().node_count());
    }
    /// Of hugetlbfs: in pages of its own.
    void add(const HugetlbUse& use, std::uint64_t page_bytes) {
        m_counts.page_bytes = page_bytes;
        m_counts.pages = m_counts.dirty = (use.own + use.shared) / page_bytes;
        for (std::size_t node = 0; node < m_counts.on_node.size(); ++node)
            m_counts.on_node[node] = use.nodes[node];
    }
    void add(PteSlot slot) {
        const Pfn frame = slot.entry->frame();
        if (m_kernel.memory().is_zero_page(frame)) return;
        const HugePages& huge = m_kernel.memory().huge_pages();
        const std::uint16_t states = m_kernel.frames().pages().peek(huge.head_of(frame)).owner_flags;
        const std::uint64_t pages = slot.huge() ? HugePages::frames : 1;
        const auto count = [&](std::uint64_t& sum, std::uint16_t flags) {
            if ((states & flags) != 0) sum += pages;
        };
        m_counts.pages += pages;
        count(m_counts.anonymous, frame_flags::anonymous);
        count(m_counts.active, frame_flags::active | frame_flags::unevictable);
        count(m_counts.writeback, frame_flags::writeback);
        count(m_counts.swap_cache, frame_flags::swapcache);
        if (slot.entry->has(PageTableEntry::Dirty) || (states & frame_flags::dirty) != 0)
            m_counts.dirty += pages;
        m_counts.most_mappings = std::max(m_counts.most_mappings, huge.mapcount(frame));
        m_counts.on_node[index_of(m_kernel.allocator().zone_of(frame)->node)] += pages;
    }
    [[nodiscard]] const NumaCounts& counts() const { return m_counts; }

private:
    Kernel& m_kernel;
    NumaCounts m_counts;
};

std::string counts_text(const NumaCounts& counts) {
    if (counts.pages == 0) return {};
    std::string text;
    const auto add = [&text](const char* name, std::uint64_t value) {
        text += std::string(" ") + name + "=" + std::to_string(value);
    };
    if (counts.anonymous != 0) add("anon", counts.anonymous);
    if (counts.dirty != 0) add("dirty", counts.dirty);
    if (counts.pages != counts.anonymous && counts.pages != counts.dirty) add("mapped", counts.pages);
    if (counts.most_mappings > 1) add("mapmax", counts.most_mappings);
    if (counts.swap_cache != 0) add("swapcache", counts.swap_cache);
    if (counts.active < counts.pages) add("active", counts.active);
    if (counts.writeback != 0) add("writeback", counts.writeback);
    for (std::size_t node = 0; node < counts.on_node.size(); ++node)
        if (counts.on_node[node] != 0) add(("N" + std::to_string(node)).c_str(), counts.on_node[node]);
    add("kernelpagesize_kB", counts.page_bytes >> 10);
    return text;
}

std::string numa_line(Kernel& kernel, const Task& task, const Vma& area) {
    NumaCounter counter(kernel);
    const auto add = [&](VirtAddr, PteSlot slot) { counter.add(slot); };
    if (area.has(vm::hugetlb))
        counter.add(kernel.memory().hugetlb_use(*task.space, area), kernel.memory().page_bytes(area));
    else
        kernel.memory().tables().for_each(*task.space, area.start, area.end, add, add);
    std::array<char, 24> start{};
    std::snprintf(start.data(), start.size(), "%08llx ", static_cast<unsigned long long>(area.start.value()));
    std::string line = start.data() + policy_text(area.policy != nullptr ? *area.policy : task.policy);
    const AddressSpace& space = *task.space;
    if (!area.anonymous())
        line += " file=" + kernel.files().at(area.inode).path;
    else if (area.start <= space.brk && area.end >= space.brk_start && space.brk != VirtAddr{})
        line += " heap";
    else if (area.has(vm::grows_down))
        line += " stack";
    if (area.has(vm::hugetlb)) line += " huge";
    return line + counts_text(counter.counts()) + '\n';
}

const Task* with_memory(const Kernel& kernel, TaskId id) {
    const Task* const task = kernel.find_task(id);
    return task != nullptr && task->space != nullptr ? task : nullptr;
}

} // namespace

std::string numa_maps_text(Kernel& kernel, TaskId id) {
    const Task* const task = with_memory(kernel, id);
    if (task == nullptr) return {};
    std::string text;
    for (const Vma& area : task->space->areas) text += numa_line(kernel, *task, area);
    return text;
}

std::string status_text(Kernel& kernel, TaskId id) {
    const Task* const task = with_memory(kernel, id);
    if (task == nullptr) return {};
    std::string text = "TracerPid:\t0\n" + status_memory_text(kernel, id);
    const auto add = [&text](const char* name, const std::string& value) {
        text += std::string(name) + ":\t" + value + "\n";
    };
    const auto same_process = [task](const auto& other) {
        return other != nullptr && other->group == task->group && !other->exited;
    };
    add("Seccomp", "0");
    add("Seccomp_filters", "0");
    add("Threads", std::to_string(std::ranges::count_if(kernel.processes().tasks(), same_process)));
    const auto may_run_on = [task](std::size_t cpu) { return task->allowed[cpu]; };
    const std::size_t cpus = kernel.allocator().cpus().size(), nodes = kernel.allocator().node_count();
    add("Cpus_allowed", mask_text(cpus, may_run_on));
    add("Cpus_allowed_list", list_text(cpus, may_run_on));
    const auto is_node = [nodes](std::size_t node) { return node < nodes; };
    add("Mems_allowed", mask_text(node_bits, is_node));
    add("Mems_allowed_list", list_text(nodes, is_node));
    return text;
}

std::string process_file_text(Kernel& kernel, TaskId task, std::string_view file) {
    if (file == "numa_maps") return numa_maps_text(kernel, task);
    if (file == "smaps") return smaps_text(kernel, task);
    if (file == "smaps_rollup") return smaps_rollup_text(kernel, task);
    if (file == "statm") return statm_text(kernel, task);
    if (file == "status") return status_text(kernel, task);
    return {};
}

} // namespace pagewalk::os
