#include "workloads/qemu/live_program.h"

#include "base/error.h"
#include "workloads/qemu/live_session.h"
#include "workloads/qemu/live_stream.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pagewalk::workloads {

namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Until threads that wait for room in their rings get it: QEMU may be waiting for one of them.
constexpr milliseconds spill_after{5};

} // namespace

struct LiveProgram::State {
    explicit State(const LiveOptions& options)
        : session(options, LiveSession::MemoryAnswers::Simulator), stall_limit(options.stall_limit) {}

    LiveSession session;
    std::chrono::milliseconds stall_limit;
    LiveProgress progress;
    std::vector<std::unique_ptr<LiveStream>> streams;
    std::vector<LiveStream*> open; ///< streams that were asked for and have not ended
    std::uint64_t batches_seen = 0;
    SteadyClock::duration stalled{}; ///< waited for since anything was handed out

    LiveStream& stream(std::size_t index) {
        PAGEWALK_INVARIANT(index < session.thread_count());
        if (index >= streams.size()) streams.resize(session.thread_count());
        if (streams[index] == nullptr) {
            streams[index] = std::make_unique<LiveStream>(session, index, progress);
            open.push_back(streams[index].get());
        }
        return *streams[index];
    }

    [[nodiscard]] bool has_news() {
        const std::size_t threads = session.thread_count();
        session.discover();
        std::erase_if(open, [](const LiveStream* stream) { return stream->has_ended(); });
        return session.thread_count() != threads || std::ranges::any_of(open, [](LiveStream* stream) {
                   return stream->is_waiting() && stream->ready();
               });
    }

    /// Notes whether anything was handed out since it was last asked. Only the time in which the simulator
    /// waits counts: other programs may be simulated in between.
    void watch() {
        if (progress.batches != std::exchange(batches_seen, progress.batches) ||
            std::ranges::any_of(open, &LiveStream::waits_outside)) {
            stalled = {};
        }
        if (stalled >= stall_limit) throw RunError(complaint());
    }

    [[nodiscard]] std::string complaint() const {
        constexpr std::size_t most = 8; // threads worth naming
        std::string text = session.description() + ": nothing has happened for " +
                           std::to_string(stall_limit.count() / 1000) + " s";
        for (std::size_t i = 0; i < std::min(most, open.size()); ++i) text += "; " + open[i]->waits_for();
        if (open.size() > most) text += "; and " + std::to_string(open.size() - most) + " threads more";
        return text;
    }

    /// The first process is about to end, or has: its end can be waited for.
    [[nodiscard]] bool has_ended() const {
        if (streams.empty() || streams[0] == nullptr) return false;
        if (streams[0]->said_exit_group()) return true;
        const std::int32_t first = session.thread(0).identity.pid;
        for (std::size_t i = 0; i < session.thread_count(); ++i) {
            if (session.thread(i).identity.pid != first) continue;
            if (i >= streams.size() || streams[i] == nullptr || !streams[i]->has_ended()) return false;
        }
        return true;
    }
};

LiveProgram::LiveProgram(const LiveOptions& options) : m_state(std::make_unique<State>(options)) {}
LiveProgram::~LiveProgram() = default;

std::string LiveProgram::description() const { return m_state->session.description(); }

std::vector<InitialMapping> LiveProgram::initial_mappings() const {
    return m_state->session.initial_mappings();
}

InstructionStream& LiveProgram::thread(ThreadIndex index) {
    return m_state->stream(static_cast<std::size_t>(index));
}

InstructionStream* LiveProgram::child(ThreadIndex parent, std::int64_t child) {
    m_state->session.discover();
    const auto found = m_state->session.directory().find(static_cast<std::size_t>(parent), child);
    return found ? &m_state->stream(*found) : nullptr;
}

ThreadIndex LiveProgram::index_of_child(ThreadIndex parent, std::int64_t child) {
    const auto found = m_state->session.directory().find(static_cast<std::size_t>(parent), child);
    PAGEWALK_INVARIANT(found.has_value());
    return static_cast<ThreadIndex>(*found);
}

int LiveProgram::exit_status() const {
    const GuestProcess& process = m_state->session.process();
    return m_state->has_ended() ? process.wait() : process.status().value_or(0);
}

bool LiveProgram::wait_for_news(std::uint64_t limit_us) {
    State& state = *m_state;
    state.watch();
    const auto begin = SteadyClock::now();
    const auto until = begin + std::chrono::microseconds(limit_us);
    bool news = state.has_news();
    while (!news) {
        const auto left = std::chrono::ceil<milliseconds>(until - SteadyClock::now());
        if (left.count() <= 0) break;
        if (!state.session.wait(std::min(left, spill_after), [&] { return state.has_news(); })) break;
        state.session.spill_full_rings();
        news = state.has_news();
    }
    state.stalled += SteadyClock::now() - begin;
    return news;
}

std::vector<ProcessRecord> LiveProgram::processes() const {
    if (m_state->has_ended()) m_state->session.process().wait();
    return m_state->session.processes();
}

std::string LiveProgram::missing() const { return m_state->session.missing(); }

std::vector<InitialMapping> LiveProgram::image(ThreadIndex index) const {
    return m_state->session.image(static_cast<std::size_t>(index));
}

const std::string& LiveProgram::unsupervised() const { return m_state->session.unsupervised(); }

std::size_t LiveProgram::thread_count() {
    m_state->session.discover();
    return m_state->session.thread_count();
}

} // namespace pagewalk::workloads
