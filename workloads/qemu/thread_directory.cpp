#include "workloads/qemu/thread_directory.h"

namespace pagewalk::workloads {

std::optional<std::size_t> ThreadDirectory::find(std::size_t parent, std::int64_t child) {
    if (parent >= m_threads.size()) return std::nullopt;
    if (const auto known = m_children.find({parent, child}); known != m_children.end()) return known->second;
    const ThreadIdentity& creator = m_threads[parent].identity;
    for (std::size_t i = 1; i < m_threads.size(); ++i) {
        Entry& entry = m_threads[i];
        const bool same_process = entry.identity.pid == creator.pid;
        const bool new_process = entry.identity.pid == entry.identity.tid;
        if (entry.claimed || entry.identity.tid != child || i == parent || (!same_process && !new_process))
            continue;
        entry.claimed = true;
        m_children[{parent, child}] = i;
        return i;
    }
    return std::nullopt;
}

} // namespace pagewalk::workloads
