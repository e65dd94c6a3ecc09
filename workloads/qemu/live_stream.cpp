#include "workloads/qemu/live_stream.h"

#include "workloads/qemu/creation_calls.h"

#include <sys/syscall.h>

namespace pagewalk::workloads {

namespace {

using std::chrono::milliseconds;

/// A thread that runs fills a publishing interval in well under this; one that does not is held up inside
/// QEMU.
constexpr milliseconds stall_limit{20};

} // namespace

LiveStream::LiveStream(LiveSession& session, std::size_t index, LiveProgress& progress)
    : m_session(session), m_index(index), m_thread(session.thread(index)), m_progress(progress),
      m_decoder(session.dictionary()) {}

StreamBatch LiveStream::fetch() {
    while (!m_ended) {
        RingReader& reader = *m_thread.reader;
        reader.release();
        const ThreadNews news =
            m_leaving
                ? ThreadNews::Ended
                : LiveSession::look(m_thread, m_decoder.in_system_call() ? milliseconds(0) : stall_limit);
        if (news == ThreadNews::Nothing) {
            if (!m_decoder.in_system_call()) {
                m_session.spill_full_rings();
                continue;
            }
            return not_yet();
        }
        m_stalled_since = {};
        auto progress =
            news == ThreadNews::Words ? m_decoder.decode(reader.words()) : BatchDecoder::Progress{};
        reader.take(progress.words);
        if (news == ThreadNews::Ended ||
            (progress.words == 0 && progress.outcome == BatchDecoder::Outcome::NeedWords)) {
            if (!m_leaving) m_closing = m_session.closing_words(m_thread, m_decoder);
            m_leaving = true;
            const auto rest = std::span(m_closing).subspan(m_closing_used);
            progress = m_decoder.decode(rest);
            m_closing_used += progress.words;
        }
        ++m_progress.fetches;
        if (progress.outcome == BatchDecoder::Outcome::SystemCall) {
            const SyscallRecord& call = m_decoder.syscall();
            if (creates_thread(call.number)) m_session.directory().note_creation(m_index, call.result);
            if (executes_image(call.number) && call.result == 0) m_session.enter_image(m_index);
            m_said_exit_group = call.number == SYS_exit_group;
            return {m_decoder.blocks(), StreamStatus::SystemCall, &call};
        }
        if (!m_decoder.blocks().empty()) return {m_decoder.blocks(), StreamStatus::More, nullptr};
        if (progress.outcome == BatchDecoder::Outcome::End) {
            reader.release();
            m_session.retire(m_thread);
            m_ended = true;
        }
    }
    return {};
}

StreamBatch LiveStream::not_yet() {
    const auto now = SteadyClock::now();
    if (m_stalled_since == SteadyClock::time_point{}) m_stalled_since = now;
    // QEMU may stop all threads of the program for this call, or the call may wait for another thread, and
    // that one may be waiting for room.
    if (now - m_stalled_since > stall_limit) m_session.spill_full_rings();
    if (m_fetches_at_not_yet == m_progress.fetches) m_thread.reader->wait(milliseconds(1));
    m_fetches_at_not_yet = m_progress.fetches;
    return {{}, StreamStatus::NotYet, nullptr};
}

} // namespace pagewalk::workloads
