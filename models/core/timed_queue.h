#pragma once

#include "base/error.h"
#include "base/time.h"
#include "contract/kernel_path.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pagewalk::models {

/// What is to happen at given times, earliest first; of equal times what came first. Meant for a few at a
/// time.
template <class T>
class TimedQueue {
public:
    void push(Tick time, const T& item) {
        m_entries.insert(std::ranges::lower_bound(m_entries, time, std::ranges::greater{}, &Entry::time),
                         {time, item});
    }
    [[nodiscard]] bool empty() const { return m_entries.empty(); }
    /// no_time when there is none.
    [[nodiscard]] Tick earliest() const { return m_entries.empty() ? no_time : m_entries.back().time; }
    /// Contract: not empty.
    T pop() {
        PAGEWALK_INVARIANT(!m_entries.empty());
        T item = std::move(m_entries.back().item);
        m_entries.pop_back();
        return item;
    }

private:
    struct Entry {
        Tick time;
        T item;
    };
    std::vector<Entry> m_entries; // latest first, so that the earliest leaves at the end
};

} // namespace pagewalk::models
