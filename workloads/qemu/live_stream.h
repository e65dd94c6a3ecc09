#pragma once

#include "workloads/qemu/live_session.h"

#include <chrono>
#include <cstddef>
#include <vector>

namespace pagewalk::workloads {

/// What the streams of one program know of each other.
struct LiveProgress {
    std::uint64_t fetches = 0; ///< that delivered something
};

/// The stream of one thread of a running program.
class LiveStream final : public InstructionStream {
public:
    LiveStream(LiveSession& session, std::size_t index, LiveProgress& progress);

    [[nodiscard]] StreamBatch fetch() override;
    [[nodiscard]] bool has_ended() const { return m_ended; }
    [[nodiscard]] bool said_exit_group() const { return m_said_exit_group; }
    [[nodiscard]] std::uint64_t instructions() const { return m_decoder.instructions(); }

private:
    using SteadyClock = std::chrono::steady_clock;

    [[nodiscard]] StreamBatch not_yet();

    LiveSession& m_session;
    std::size_t m_index;
    LiveThread& m_thread;
    LiveProgress& m_progress;
    BatchDecoder m_decoder;
    std::vector<std::uint64_t> m_closing;
    std::size_t m_closing_used = 0;
    bool m_leaving = false; ///< only m_closing is left
    bool m_ended = false;
    bool m_said_exit_group = false;
    std::uint64_t m_fetches_at_not_yet = 0;
    SteadyClock::time_point m_stalled_since{};
};

} // namespace pagewalk::workloads
