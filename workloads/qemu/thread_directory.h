#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace pagewalk::workloads {

struct ThreadIdentity {
    std::int32_t tid = 0; ///< as the program sees it
    std::int32_t pid = 0;
    std::int32_t parent_pid = 0;
    std::uint64_t epoch = 0; ///< its process's space epoch when it began (space_order.h)
};

/// Finds the thread that a clone, fork or vfork created. Ids come again in a long run, so each creation
/// claims the oldest thread of that id that no creation has claimed.
class ThreadDirectory {
public:
    void add(ThreadIdentity identity) {
        if (!m_threads.empty()) m_unclaimed.push_back(m_threads.size()); // nobody here created the first
        m_threads.push_back(identity);
    }
    [[nodiscard]] std::size_t size() const { return m_threads.size(); }

    /// Thread `parent`'s call has returned `child`: a thread it created before under that id is not meant any
    /// more.
    void note_creation(std::size_t parent, std::int64_t child) { m_children.erase({parent, child}); }
    [[nodiscard]] std::optional<std::size_t> find(std::size_t parent, std::int64_t child);

private:
    std::vector<ThreadIdentity> m_threads;
    std::vector<std::size_t> m_unclaimed; ///< oldest first
    std::map<std::pair<std::size_t, std::int64_t>, std::size_t> m_children;
};

} // namespace pagewalk::workloads
