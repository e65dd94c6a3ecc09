#include "os/task/rw_semaphore.h"

#include "base/error.h"

namespace pagewalk::os {

void RwSemaphore::lock(Operation& op, Access access) {
    if (m_queue.empty() && free_for(access)) return take(access);
    PAGEWALK_INVARIANT(op.may_wait());
    m_wanted.push_back(access);
    m_queue.wait(op); // whoever lets go has taken it for this task
}

void RwSemaphore::let_go(std::uint64_t access, const Moment& moment) {
    if (static_cast<Access>(access) == Access::Read) {
        PAGEWALK_INVARIANT(m_readers != 0);
        --m_readers;
    } else {
        PAGEWALK_INVARIANT(m_writer);
        m_writer = false;
    }
    hand_over(moment);
}

void RwSemaphore::hand_over(const Moment& moment) {
    while (!m_queue.empty() && free_for(m_wanted.front())) {
        take(m_wanted.front());
        m_wanted.erase(m_wanted.begin());
        m_queue.wake(1, moment);
    }
}

} // namespace pagewalk::os
