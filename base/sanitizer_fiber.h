#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#endif

/// Tells AddressSanitizer which stack runs. It knows the threads' own stacks only, and on any other takes
/// what an exception leaves behind for memory that must not be touched. Without the sanitizer all of this is
/// nothing.
namespace pagewalk {

struct HostStack {
    const void* bottom = nullptr; ///< lowest address
    std::size_t bytes = 0;
};

/// What the sanitizer keeps of a fiber while another runs.
using FiberState = void*;

/// The next thing done is a switch to `target`; `left` is for complete_switch() when this fiber runs again.
inline void announce_switch([[maybe_unused]] FiberState& left, [[maybe_unused]] HostStack target) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&left, target.bottom, target.bytes);
#endif
}

/// As above, by a fiber that never runs again.
inline void announce_last_switch([[maybe_unused]] HostStack target) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(nullptr, target.bottom, target.bytes);
#endif
}

/// The first thing done after a switch that was announced; null on a fiber's first run. Returns the stack
/// that was left, which is how a fiber learns its caller's.
inline HostStack complete_switch([[maybe_unused]] FiberState resumed) {
    HostStack left;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(resumed, &left.bottom, &left.bytes);
#endif
    return left;
}

/// The first thing done on `own` where the switch was made by code that announces none, as SystemC's.
inline void announce_arrival([[maybe_unused]] HostStack own) {
#ifdef __SANITIZE_ADDRESS__
    FiberState state = nullptr;
    announce_switch(state, own);
    complete_switch(state);
#endif
}

/// The stack that the host's operating system gave the running thread; nothing without the sanitizer.
inline HostStack thread_stack() {
    HostStack stack;
#ifdef __SANITIZE_ADDRESS__
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void* bottom = nullptr;
        pthread_attr_getstack(&attributes, &bottom, &stack.bytes);
        pthread_attr_destroy(&attributes);
        stack.bottom = bottom;
    }
#endif
    return stack;
}

/// The stack of `bytes` whose first frames are the caller's. Contract: whole pages, and called within the
/// first page.
[[gnu::always_inline]] inline HostStack stack_from_here(std::size_t bytes) {
    constexpr std::uintptr_t page = 4096;
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    return {reinterpret_cast<const void*>((here + page - 1) / page * page - bytes), bytes};
}

} // namespace pagewalk
