#include "base/sanitizer_fiber.h"

#include <cstring>
#include <stdexcept>
#include <ucontext.h>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

/// Leaves frames full of guarded arrays behind by an exception.
[[gnu::noinline]] void throw_from_below(unsigned depth) {
    char guarded[128];
    std::memset(guarded, static_cast<int>(depth), sizeof guarded);
    asm volatile("" : : "r"(guarded) : "memory");
    if (depth == 0) throw std::runtime_error("thrown on a fiber");
    throw_from_below(depth - 1);
    asm volatile("" : : "r"(guarded) : "memory");
}

/// Writes where those frames were.
[[gnu::noinline]] void use_stack_again() {
    char* const memory = static_cast<char*>(__builtin_alloca(4096));
    std::memset(memory, 1, 4096);
    asm volatile("" : : "r"(memory) : "memory");
}

bool throw_and_go_on() {
    try {
        throw_from_below(8);
    } catch (const std::runtime_error&) {
        use_stack_again();
        return true;
    }
    return false;
}

/// A fiber of the host that throws and catches, switches back, and once more.
struct Fiber {
    std::vector<char> memory = std::vector<char>(256 * 1024);
    ucontext_t own{}, caller{};
    FiberState own_state = nullptr, caller_state = nullptr;
    unsigned caught = 0;

    [[nodiscard]] HostStack stack() const { return {memory.data(), memory.size()}; }
    void run() {
        announce_switch(caller_state, stack());
        swapcontext(&caller, &own);
        complete_switch(caller_state);
    }
};
Fiber* started = nullptr; // makecontext() hands on integers only

void body() {
    Fiber& fiber = *started;
    const HostStack caller = complete_switch(nullptr);
    fiber.caught += throw_and_go_on() ? 1 : 0;
    announce_switch(fiber.own_state, caller);
    swapcontext(&fiber.own, &fiber.caller);
    complete_switch(fiber.own_state);
    fiber.caught += throw_and_go_on() ? 1 : 0;
    announce_last_switch(caller);
    setcontext(&fiber.caller);
}

TEST(SanitizerFiber, ExceptionOnAFiberLeavesItsStackUsable) {
    Fiber fiber;
    started = &fiber;
    getcontext(&fiber.own);
    fiber.own.uc_stack.ss_sp = fiber.memory.data();
    fiber.own.uc_stack.ss_size = fiber.memory.size();
    makecontext(&fiber.own, body, 0);
    fiber.run();
    EXPECT_EQ(fiber.caught, 1U);
    EXPECT_TRUE(throw_and_go_on());
    fiber.run();
    EXPECT_EQ(fiber.caught, 2U);
    EXPECT_TRUE(throw_and_go_on());
}

#ifdef __SANITIZE_ADDRESS__
TEST(SanitizerFiber, ThreadsStackHoldsItsFrames) {
    const HostStack stack = thread_stack();
    const auto* const here = static_cast<const char*>(__builtin_frame_address(0));
    const auto* const bottom = static_cast<const char*>(stack.bottom);
    EXPECT_GT(here, bottom);
    EXPECT_LT(here, bottom + stack.bytes);
}
#endif

TEST(SanitizerFiber, StackFromHereEndsAtItsFirstPage) {
    const HostStack stack = stack_from_here(64 * 1024);
    const auto* const here = static_cast<const char*>(__builtin_frame_address(0));
    const auto* const top = static_cast<const char*>(stack.bottom) + stack.bytes;
    EXPECT_GE(top, here);
    EXPECT_LT(top - here, 4096);
}

} // namespace
} // namespace pagewalk
