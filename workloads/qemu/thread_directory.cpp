#include "workloads/qemu/thread_directory.h"

#include <algorithm>

namespace pagewalk::workloads {

std::optional<std::size_t> ThreadDirectory::find(std::size_t parent, std::int64_t child) {
    if (parent >= m_threads.size()) return std::nullopt;
    if (const auto known = m_children.find({parent, child}); known != m_children.end()) return known->second;
    const ThreadIdentity& creator = m_threads[parent];
    const auto made = std::ranges::find_if(m_unclaimed, [&](std::size_t index) {
        const ThreadIdentity& thread = m_threads[index];
        const bool new_process = thread.pid == thread.tid;
        return thread.tid == child && index != parent && (new_process || thread.pid == creator.pid);
    });
    if (made == m_unclaimed.end()) return std::nullopt;
    const std::size_t index = *made;
    m_unclaimed.erase(made);
    m_children[{parent, child}] = index;
    return index;
}

} // namespace pagewalk::workloads
