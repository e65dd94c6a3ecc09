#include "os/task/rw_semaphore.h"

#include "base/error.h"
#include "os/task/task.h"

#include <algorithm>

namespace pagewalk::os {

bool RwSemaphore::free_for(Access access, const Task* task) const {
    std::uint32_t readers = m_readers;
    std::uint32_t writers = m_writers;
    for (const Leaving& leaving : m_leaving)
        if (task != nullptr && leaving.task == task) --(leaving.access == Access::Read ? readers : writers);
    return writers == 0 && (access == Access::Read || readers == 0);
}

void RwSemaphore::lock(Operation& op, Access access) {
    if (m_queue.empty() && free_for(access, op.self)) return take(access);
    PAGEWALK_INVARIANT(op.may_wait());
    m_wanted.push_back(access);
    m_queue.wait(op); // whoever lets go has taken it for this task
}

void RwSemaphore::unlock(Operation& op, Access access) {
    if (op.runs) m_leaving.push_back({op.self, access});
    op.effect<&RwSemaphore::let_go>(*this, static_cast<std::uint64_t>(access));
}

void RwSemaphore::let_go(std::uint64_t access, const Moment& moment) {
    const auto how = static_cast<Access>(access);
    std::uint32_t& holders = how == Access::Read ? m_readers : m_writers;
    PAGEWALK_INVARIANT(holders != 0);
    --holders;
    // Which of several that leave in the same way makes no difference: each gets here once.
    const auto leaving = std::ranges::find(m_leaving, how, &Leaving::access);
    if (leaving != m_leaving.end()) m_leaving.erase(leaving);
    hand_over(moment);
}

void RwSemaphore::hand_over(const Moment& moment) {
    while (!m_queue.empty() && free_for(m_wanted.front(), &m_queue.front())) {
        take(m_wanted.front());
        m_wanted.erase(m_wanted.begin());
        m_queue.wake(1, moment);
    }
}

} // namespace pagewalk::os
