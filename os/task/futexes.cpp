#include "os/task/futexes.h"

#include "os/task/task.h"

namespace pagewalk::os {

void Futexes::wait(Operation& op, VirtAddr word) {
    op.self->futex = word;
    op.self->futex_waker = {};
    m_waiters.wait(op, Waiting::Killable);
}

void Futexes::wake(Operation& op, VirtAddr word, std::uint64_t count) {
    const Task& caller = *op.self;
    for (Task* waiter : m_waiters.tasks()) {
        if (count == 0) break;
        if (waiter->futex != word || waiter->space != caller.space || waiter->futex_waker != TaskId{})
            continue;
        waiter->futex_waker = caller.id;
        op.path.store(waiter->object);
        --count;
    }
    op.effect<&Futexes::wake_chosen>(*this, static_cast<std::uint64_t>(caller.id));
}

void Futexes::wake_chosen(std::uint64_t waker, const Moment& moment) {
    m_waiters.wake_if(m_waiters.size(), moment, [waker](const Task& waiter) {
        return static_cast<std::uint64_t>(waiter.futex_waker) == waker;
    });
}

} // namespace pagewalk::os
