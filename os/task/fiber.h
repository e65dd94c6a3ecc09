#pragma once

#include "base/sanitizer_fiber.h"

#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <boost/context/fiber.hpp>

namespace pagewalk::os {

/// Thrown by Fiber::suspend() on a fiber that will not be resumed, so that what its job holds is given back.
struct FiberUnwound {};

/// A host stack with a guard page below it, on which one job at a time runs and may stop in the middle.
/// Contract: jobs do not suspend inside a catch block (the exceptions being handled belong to the host's
/// thread).
class Fiber {
public:
    /// Address space; memory is what a job has touched of it.
    static constexpr std::size_t stack_bytes = 256 * 1024;

    Fiber();
    /// Unwinds a job that is suspended.
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Runs `job()` until it ends or suspends. Rethrows what it throws. Contract: idle().
    template <class Job>
    void start(Job job) {
        m_object = &job;
        m_invoke = [](void* object) {
            Job own = std::move(*static_cast<Job*>(object)); // start() may return before the job ends
            own();
        };
        m_idle = false;
        enter();
    }
    /// Goes on with a suspended job. Rethrows what it throws.
    void resume() { enter(); }
    /// On the fiber: back to start() or resume(), until the next resume().
    void suspend();
    /// Has no job.
    [[nodiscard]] bool idle() const { return m_idle; }
    /// Is being unwound: what the job does now, nobody will see.
    [[nodiscard]] bool unwinding() const { return m_ending; }

private:
    void enter();
    void leave();
    void run_jobs();

    std::byte* m_stack;
    boost::context::fiber m_inside;  ///< where the fiber goes on
    boost::context::fiber m_outside; ///< where its caller does
    FiberState m_inside_state = nullptr;
    FiberState m_outside_state = nullptr;
    HostStack m_callers_stack;
    void* m_object = nullptr;
    void (*m_invoke)(void*) = nullptr;
    std::exception_ptr m_error;
    bool m_idle = true;
    bool m_ending = false;
};

/// Fibers that wait for jobs.
class FiberPool {
public:
    [[nodiscard]] std::unique_ptr<Fiber> take();
    /// Contract: the fiber is idle.
    void give_back(std::unique_ptr<Fiber> fiber);
    [[nodiscard]] std::size_t size() const { return m_idle.size(); }

private:
    static constexpr std::size_t most_kept = 64;
    std::vector<std::unique_ptr<Fiber>> m_idle;
};

} // namespace pagewalk::os
