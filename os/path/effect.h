#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk::os {

/// Where and when something takes place.
struct Moment {
    CpuId cpu{};
    Tick now{};
};

/// Something that others see of an operation only from the moment on at which its path gets there: a lock let
/// go, a task woken, a request handed to a device. Its object outlives the path.
class Effect {
public:
    /// on.*method(value, moment).
    template <auto method, class Object>
    [[nodiscard]] static Effect of(Object& on, std::uint64_t value) {
        return {[](void* object, std::uint64_t given, const Moment& moment) {
                    (static_cast<Object*>(object)->*method)(given, moment);
                },
                &on, value};
    }
    void take_place(const Moment& moment) const { m_act(m_object, m_value, moment); }

private:
    using Act = void (*)(void*, std::uint64_t, const Moment&);
    Effect(Act act, void* object, std::uint64_t value) : m_act(act), m_object(object), m_value(value) {}

    Act m_act;
    void* m_object;
    std::uint64_t m_value;
};

} // namespace pagewalk::os
