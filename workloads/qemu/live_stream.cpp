#include "workloads/qemu/live_stream.h"

#include "base/error.h"
#include "contract/system_calls.h"
#include "workloads/qemu/blocking_calls.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

using std::chrono::milliseconds;

/// A thread that runs fills a publishing interval in well under this; one that does not is held up inside
/// QEMU.
constexpr milliseconds stall_limit{20};

/// How often a thread that has nothing is looked at more closely: has it died, do others hold it up?
constexpr milliseconds check_interval{10};

} // namespace

LiveStream::LiveStream(LiveSession& session, std::size_t index, LiveProgress& progress)
    : m_session(session), m_index(index), m_thread(session.thread(index)), m_progress(progress),
      m_decoder(std::in_place, session.dictionary(), &session.order(), index, m_thread.identity.epoch) {}

StreamBatch LiveStream::fetch() {
    m_waiting = m_gone = false;
    m_thread.waits_in_call = false;
    if (m_ended) return {};
    m_decoder->resume();
    while (!m_ended) {
        m_thread.reader->release();
        if (m_decoder->is_held()) return not_yet();
        if (!m_leaving && !m_decoder->has_change_due()) {
            const ThreadNews news = look();
            if (news == ThreadNews::Nothing) return not_yet();
            if (news == ThreadNews::Ended) begin_leaving();
        }
        const StreamDecoder::Progress progress = m_decoder->decode(words());
        take(progress.words);
        if (progress.batch) return hand_out(*progress.batch);
        if (m_decoder->decoder().has_ended())
            end();
        else if (progress.stuck)
            begin_leaving(); // killed in the middle of an event
    }
    return {};
}

bool LiveStream::ready() {
    if (m_ended) return true;
    if (m_decoder->is_held()) return false;
    if (m_gone || m_leaving || m_decoder->has_change_due() || m_thread.reader->has_words()) return true;
    const auto now = SteadyClock::now();
    if (now - m_last_check < check_interval) return false;
    m_last_check = now;
    if (may_be_held_up_by_others()) m_session.spill_full_rings();
    m_gone = !m_thread.may_run();
    return m_gone;
}

ThreadNews LiveStream::look() {
    const bool blocked = m_decoder->decoder().in_system_call() && m_decoder->decoder().syscall().entered;
    return LiveSession::look(m_thread, blocked ? milliseconds(0) : stall_limit);
}

std::span<const std::uint64_t> LiveStream::words() {
    return m_leaving ? std::span<const std::uint64_t>(m_closing).subspan(m_closing_used)
                     : m_thread.reader->words();
}

void LiveStream::take(std::size_t count) {
    if (m_leaving)
        m_closing_used += count;
    else
        m_thread.reader->take(count);
}

void LiveStream::begin_leaving() {
    PAGEWALK_INVARIANT(!m_leaving);
    m_closing = m_session.closing_words(m_thread, m_decoder->decoder());
    m_leaving = true;
}

void LiveStream::end() {
    m_thread.reader->release();
    m_decoder->leave();
    m_decoder.reset();
    m_session.retire(m_thread);
    m_ended = true;
}

StreamBatch LiveStream::hand_out(const StreamBatch& batch) {
    ++m_progress.batches;
    m_last_batch = SteadyClock::now();
    if (batch.status == StreamStatus::SystemCall) {
        if (creates_task(batch.syscall->number))
            m_session.directory().note_creation(m_index, batch.syscall->result);
        if (executes_image(batch.syscall->number) && batch.syscall->result == 0)
            m_session.enter_image(m_index);
        m_said_exit_group = batch.syscall->number == SYS_exit_group;
        if (m_decoder->decoder().has_ended()) { // nobody asks for more
            m_exit = *batch.syscall;
            end();
            return {{}, StreamStatus::SystemCall, &m_exit};
        }
    }
    return batch;
}

StreamBatch LiveStream::not_yet() {
    m_waiting = true;
    m_thread.waits_in_call = m_decoder->decoder().in_system_call();
    if (!m_decoder->is_held() && may_be_held_up_by_others()) m_session.spill_full_rings();
    return {{}, StreamStatus::NotYet, nullptr};
}

/// QEMU stops all threads of the program for some operations of one, and a thread that waits for room in its
/// ring stops none too soon. In a call that the thread makes by itself it waits for the host alone.
bool LiveStream::may_be_held_up_by_others() const {
    const BatchDecoder& decoder = m_decoder->decoder();
    const std::uint32_t number = decoder.syscall().number;
    return !decoder.in_system_call() || creates_task(number) || number == SYS_shmat;
}

bool LiveStream::waits_outside() const {
    if (m_ended || m_leaving || !m_decoder->decoder().in_system_call()) return false;
    const SyscallRecord& call = m_decoder->decoder().syscall();
    return sleeps_for_a_time(call) || waits_for_a_signal(call) ||
           (call.number == SYS_read && call.arguments[0] == STDIN_FILENO);
}

std::string LiveStream::waits_for() const {
    const BatchDecoder& decoder = m_decoder->decoder();
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - m_last_batch).count();
    std::string text = "thread " + std::to_string(m_thread.identity.tid);
    if (m_decoder->waits_for_others())
        text += " waits until other threads have come to where its process changed its memory";
    else if (decoder.in_system_call())
        text += " waits for " + name_of_call(decoder.syscall().number) + " to return";
    else
        text += " has stopped between two system calls";
    return text + ", for " + std::to_string(seconds) + " s";
}

} // namespace pagewalk::workloads
