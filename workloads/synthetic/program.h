#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

namespace pagewalk::workloads {

/// Why a generator's program pauses.
enum class Pause : std::uint8_t {
    BatchFull,  ///< enough blocks for one fetch()
    SystemCall, ///< a system call follows the blocks
};

/// A synthetic program, written straight on as a coroutine that pauses when a batch is ready.
class Program {
public:
    struct promise_type {
        Pause pause = Pause::BatchFull;
        std::exception_ptr error;

        Program get_return_object() {
            return Program(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(Pause why) noexcept {
            pause = why;
            return {};
        }
        void return_void() {}
        void unhandled_exception() { error = std::current_exception(); }
    };

    Program(Program&& other) noexcept : m_handle(std::exchange(other.m_handle, nullptr)) {}
    Program& operator=(Program&&) = delete;
    ~Program() {
        if (m_handle) m_handle.destroy();
    }

    /// Runs to the next pause; false when the program is over.
    [[nodiscard]] bool resume() {
        if (m_handle.done()) return false;
        m_handle.resume();
        if (m_handle.promise().error) std::rethrow_exception(m_handle.promise().error);
        return !m_handle.done();
    }
    [[nodiscard]] Pause pause() const { return m_handle.promise().pause; }

private:
    explicit Program(std::coroutine_handle<promise_type> handle) : m_handle(handle) {}

    std::coroutine_handle<promise_type> m_handle;
};

} // namespace pagewalk::workloads
