#include "workloads/qemu/live_program.h"

#include "base/error.h"
#include "workloads/qemu/live_session.h"
#include "workloads/qemu/live_stream.h"

namespace pagewalk::workloads {

struct LiveProgram::State {
    explicit State(const LiveOptions& options) : session(options) {}

    LiveSession session;
    LiveProgress progress;
    std::vector<std::unique_ptr<LiveStream>> streams;

    LiveStream& stream(std::size_t index) {
        PAGEWALK_INVARIANT(index < session.thread_count());
        if (index >= streams.size()) streams.resize(session.thread_count());
        if (streams[index] == nullptr)
            streams[index] = std::make_unique<LiveStream>(session, index, progress);
        return *streams[index];
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
