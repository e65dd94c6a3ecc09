#include "workloads/qemu/live_program.h"

#include "base/error.h"
#include "workloads/qemu/live_session.h"
#include "workloads/qemu/live_stream.h"

#include <algorithm>

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
    const auto& streams = m_state->streams;
    const auto ending = [](const auto& stream) { return stream != nullptr && stream->said_exit_group(); };
    const auto ended = [](const auto& stream) { return stream != nullptr && stream->has_ended(); };
    const bool all_ended =
        streams.size() == m_state->session.thread_count() && std::ranges::all_of(streams, ended);
    const bool first_exits = !streams.empty() && (ending(streams[0]) || all_ended);
    return first_exits ? process.wait() : process.status().value_or(0);
}

std::size_t LiveProgram::thread_count() {
    m_state->session.discover();
    return m_state->session.thread_count();
}

} // namespace pagewalk::workloads
