#include "os/task/fiber.h"

#include "base/error.h"

#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace pagewalk::os {
namespace {

std::size_t guard_bytes() {
    static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return page;
}

/// Hands memory that is there already to Boost.Context, which wants an allocator.
struct GivenStack {
    void deallocate(boost::context::stack_context&) noexcept {}
};

} // namespace

Fiber::Fiber() {
    void* const base = mmap(nullptr, stack_bytes + guard_bytes(), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    m_stack = static_cast<std::byte*>(base);
    mprotect(m_stack, guard_bytes(), PROT_NONE);
    boost::context::stack_context stack;
    stack.size = stack_bytes;
    stack.sp = m_stack + guard_bytes() + stack_bytes;
    m_inside =
        boost::context::fiber(std::allocator_arg, boost::context::preallocated(stack.sp, stack.size, stack),
                              GivenStack{}, [this](boost::context::fiber&& caller) {
                                  m_outside = std::move(caller);
                                  m_callers_stack = complete_switch(nullptr);
                                  run_jobs();
                                  announce_last_switch(m_callers_stack);
                                  return std::move(m_outside);
                              });
}

Fiber::~Fiber() {
    m_ending = true;
    enter();
    munmap(m_stack, stack_bytes + guard_bytes());
}

void Fiber::run_jobs() {
    while (!m_ending) {
        try {
            m_invoke(m_object);
        } catch (const FiberUnwound&) {
            m_idle = true;
            return;
        } catch (...) {
            m_error = std::current_exception();
        }
        m_idle = true;
        leave();
    }
}

void Fiber::enter() {
    announce_switch(m_outside_state, {m_stack + guard_bytes(), stack_bytes});
    m_inside = std::move(m_inside).resume();
    complete_switch(m_outside_state);
    if (m_error && !m_ending) std::rethrow_exception(std::exchange(m_error, nullptr));
}

void Fiber::leave() {
    announce_switch(m_inside_state, m_callers_stack);
    m_outside = std::move(m_outside).resume();
    m_callers_stack = complete_switch(m_inside_state);
}

void Fiber::suspend() {
    leave();
    if (m_ending) throw FiberUnwound{};
}

std::unique_ptr<Fiber> FiberPool::take() {
    if (m_idle.empty()) return std::make_unique<Fiber>();
    std::unique_ptr<Fiber> fiber = std::move(m_idle.back());
    m_idle.pop_back();
    return fiber;
}

void FiberPool::give_back(std::unique_ptr<Fiber> fiber) {
    PAGEWALK_INVARIANT(fiber->idle());
    if (m_idle.size() < most_kept) m_idle.push_back(std::move(fiber));
}

} // namespace pagewalk::os
