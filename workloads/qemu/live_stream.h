#pragma once

#include "workloads/qemu/live_session.h"
#include "workloads/qemu/stream_decoder.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// What the streams of one program know of each other.
struct LiveProgress {
    std::uint64_t batches = 0; ///< handed out
};

/// The stream of one thread of a running program.
class LiveStream final : public InstructionStream {
public:
    LiveStream(LiveSession& session, std::size_t index, LiveProgress& progress);

    [[nodiscard]] StreamBatch fetch() override;
    [[nodiscard]] bool ready() override;
    [[nodiscard]] bool waits_for_others() const override { return !m_ended && m_decoder->waits_for_others(); }
    [[nodiscard]] bool takes_answers() const override { return true; }
    void answer(std::int64_t result, std::span<const std::byte> data) override {
        m_session.answer(m_thread, m_decoder->decoder().syscall(), result, data);
    }
    /// The last fetch() gave NotYet.
    [[nodiscard]] bool is_waiting() const { return m_waiting; }
    [[nodiscard]] bool has_ended() const { return m_ended; }
    [[nodiscard]] bool said_exit_group() const { return m_said_exit_group; }
    /// It waits for nothing that the program's other threads could do: for time to pass, or for input.
    [[nodiscard]] bool waits_outside() const;
    /// What the thread waits for, for a message.
    [[nodiscard]] std::string waits_for() const;

private:
    using SteadyClock = std::chrono::steady_clock;

    [[nodiscard]] ThreadNews look();
    [[nodiscard]] std::span<const std::uint64_t> words();
    void take(std::size_t count);
    void begin_leaving();
    void end();
    [[nodiscard]] StreamBatch hand_out(const StreamBatch& batch);
    [[nodiscard]] StreamBatch not_yet();
    [[nodiscard]] bool may_be_held_up_by_others() const;

    LiveSession& m_session;
    std::size_t m_index;
    LiveThread& m_thread;
    LiveProgress& m_progress;
    std::optional<StreamDecoder> m_decoder; ///< gone when the stream has ended
    std::vector<std::uint64_t> m_closing;
    std::size_t m_closing_used = 0;
    SyscallRecord m_exit; ///< what ended the thread
    bool m_waiting = false;
    bool m_gone = false;    ///< found by ready(): its process has ended, or executed something else
    bool m_leaving = false; ///< only m_closing is left
    bool m_ended = false;
    bool m_said_exit_group = false;
    SteadyClock::time_point m_last_batch = SteadyClock::now();
    SteadyClock::time_point m_last_check{};
};

} // namespace pagewalk::workloads
