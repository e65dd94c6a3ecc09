#pragma once

#include "base/error.h"
#include "base/time.h"
#include "models/core/cpu.h"

#include <cstdint>

namespace pagewalk::app {

/// Notices that a simulation will not go on: CPUs that are idle for this long, with no sleep to end, stay so.
class IdleWatch {
public:
    static constexpr std::uint64_t most_quanta = 1'000'000;

    /// After each quantum. Throws RunError.
    void look(const models::Cpu::Progress& progress) {
        const bool waits = progress.state == models::Cpu::State::Idle && progress.wake == no_time;
        m_quanta = waits ? m_quanta + 1 : 0;
        if (m_quanta > most_quanta)
            throw RunError("all tasks of the simulated program sleep and nothing can wake them");
    }

private:
    std::uint64_t m_quanta = 0;
};

} // namespace pagewalk::app
