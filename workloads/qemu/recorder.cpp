#include "workloads/qemu/recorder.h"

#include "base/error.h"
#include "base/output_claim.h"
#include "contract/system_calls.h"
#include "workloads/qemu/live_session.h"
#include "workloads/qemu/pwt_file.h"
#include "workloads/qemu/pwt_writer.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

namespace pagewalk::workloads {

namespace {

using std::chrono::milliseconds;

/// Words a chunk holds before it is written: 1 MiB, large for zstd's window at level 1 and small for a
/// reader.
constexpr std::size_t chunk_words = 1U << 17;

/// How long a child may take to its first block, which QEMU translates in well under a millisecond.
constexpr milliseconds start_limit{2000};

std::unique_ptr<OutputClaim> claim_of(const std::string& file) {
    const auto refuse = [&](const std::exception& error) {
        return InputError("recording to " + file + ": " + error.what() +
                          "; give another place with -o FILE.pwt");
    };
    try {
        return std::make_unique<OutputClaim>(file, is_pwt_file);
    } catch (const OutputRefused& error) {
        throw refuse(error);
    } catch (const std::system_error& error) {
        throw refuse(error);
    }
}

/// FILE.partial, with nothing there.
std::string new_file(const OutputClaim& claim) {
    std::filesystem::remove(claim.partial());
    return claim.partial();
}

class ThreadRecorder {
public:
    ThreadRecorder(BlockDictionary& dictionary, std::uint64_t epoch)
        : m_decoder(std::make_unique<BatchDecoder>(dictionary, epoch)) {}

    struct Step {
        std::size_t words = 0;
        bool stuck = false; ///< the rest is the half-written last event of a killed program
    };
    /// Notes as many of the words as fill a batch; returns how many.
    Step append(std::span<const std::uint64_t> words) {
        const BatchDecoder::Progress progress = m_decoder->decode(words);
        m_words.insert(m_words.end(), words.begin(),
                       words.begin() + static_cast<std::ptrdiff_t>(progress.words));
        const SyscallRecord& call = m_decoder->syscall();
        m_stopped_at_epoch = progress.outcome == BatchDecoder::Outcome::Epoch;
        m_created.reset();
        if (progress.outcome == BatchDecoder::Outcome::SystemCall && creates_task(call.number) &&
            call.result > 0) {
            m_created = call.result;
        }
        m_executed = progress.outcome == BatchDecoder::Outcome::SystemCall && executes_image(call.number) &&
                     call.result == 0;
        return {progress.words, progress.words == 0 && progress.outcome == BatchDecoder::Outcome::NeedWords};
    }
    /// A system call stays in one chunk, so that a reader can begin with any, and an epoch with what follows
    /// it.
    [[nodiscard]] bool is_full() const {
        return m_words.size() >= chunk_words && !m_decoder->in_system_call() && !m_stopped_at_epoch;
    }
    [[nodiscard]] const BatchDecoder& decoder() const { return *m_decoder; }
    /// The thread that the last append() saw created.
    [[nodiscard]] std::optional<std::int64_t> created() const { return m_created; }
    /// The last append() saw it execute a new image.
    [[nodiscard]] bool executed() const { return m_executed; }
    [[nodiscard]] bool has_ended() const { return m_decoder == nullptr || m_decoder->has_ended(); }
    [[nodiscard]] ByteView bytes() const {
        return {reinterpret_cast<const std::uint8_t*>(m_words.data()), m_words.size() * 8};
    }
    [[nodiscard]] ChunkHeader header(std::size_t thread) const {
        ChunkHeader header;
        header.kind = ChunkKind::Events;
        header.thread = static_cast<std::uint32_t>(thread);
        header.first_instruction = m_first_instruction;
        header.instructions = m_decoder->instructions() - m_first_instruction;
        return header;
    }
    void begin_chunk() {
        m_words.clear();
        m_first_instruction = m_decoder->instructions();
    }
    [[nodiscard]] std::uint64_t instructions() const { return m_first_instruction; } ///< of all chunks
    /// The last chunk has been written: gives its memory back.
    void finish() {
        m_decoder.reset();
        m_words = {};
    }

private:
    std::unique_ptr<BatchDecoder> m_decoder; ///< null when the thread has ended and all of it is written
    std::vector<std::uint64_t> m_words;
    bool m_stopped_at_epoch = false;
    std::uint64_t m_first_instruction = 0;
    std::optional<std::int64_t> m_created;
    bool m_executed = false;
};

class Recording {
public:
    Recording(const RecordOptions& options, const RecordWatch& watch)
        : m_claim(claim_of(options.file)), m_session(options.live, LiveSession::MemoryAnswers::Host),
          m_writer(new_file(*m_claim), options.compression_level), m_watch(watch) {
        m_writer.write_chunk({}, encode_program({m_session.description(), m_session.initial_mappings()}));
    }

    RecordSummary run() {
        while (!is_stopped()) {
            m_session.discover();
            while (m_threads.size() < m_session.thread_count())
                m_threads.emplace_back(m_session.dictionary(),
                                       m_session.thread(m_threads.size()).identity.epoch);
            std::size_t running = 0;
            std::size_t last = 0;
            bool news = false;
            for (std::size_t i = 0; i < m_threads.size(); ++i) {
                if (m_threads[i].has_ended()) continue;
                news |= drain(i);
                if (m_threads[i].has_ended()) continue;
                ++running;
                last = i;
            }
            if (running == 0 && !may_start_threads()) break;
            if (!news && running != 0) m_session.thread(last).reader->wait(milliseconds(1));
        }
        return finish();
    }

private:
    [[nodiscard]] bool is_stopped() {
        if (!m_watch.stop || !m_watch.stop()) return false;
        m_summary.missing = "the recording was stopped before the program's end";
        for (std::size_t i = 0; i < m_threads.size(); ++i) flush(i);
        return true;
    }

    struct AwaitedChild {
        std::size_t parent;
        std::int64_t child;
        std::chrono::steady_clock::time_point until;
    };

    /// A child may be on its way when the thread that made it has ended; one that was killed before its first
    /// block never comes.
    [[nodiscard]] bool may_start_threads() {
        m_session.discover();
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(m_awaited, [&](const AwaitedChild& awaited) {
            return now > awaited.until ||
                   m_session.directory().find(awaited.parent, awaited.child).has_value();
        });
        if (m_threads.size() < m_session.thread_count()) return true;
        if (!m_awaited.empty()) std::this_thread::sleep_for(milliseconds(1));
        return !m_awaited.empty();
    }

    /// Takes what a thread has; true when that was something.
    bool drain(std::size_t index) {
        LiveThread& live = m_session.thread(index);
        ThreadRecorder& thread = m_threads[index];
        const ThreadNews news = LiveSession::look(live, milliseconds(0));
        if (news == ThreadNews::Nothing) return false;
        if (news == ThreadNews::Words) {
            const std::span<const std::uint64_t> words = live.reader->words();
            std::size_t used = 0;
            while (used < words.size() && !thread.has_ended()) {
                const ThreadRecorder::Step step = thread.append(words.subspan(used));
                if (step.stuck) break;
                used += step.words;
                if (const auto child = thread.created()) await_child(index, *child);
                if (thread.executed()) write_image(index);
                if (thread.is_full()) flush(index);
            }
            live.reader->take(used);
            live.reader->release();
            if (used != 0 && !thread.has_ended()) return true;
        }
        close(index);
        return true;
    }

    void write_image(std::size_t index) {
        m_session.enter_image(index);
        write_new_threads();
        ChunkHeader header;
        header.kind = ChunkKind::Image;
        header.thread = static_cast<std::uint32_t>(index);
        m_writer.write_chunk(header, encode_image(m_session.image(index)));
    }

    void await_child(std::size_t parent, std::int64_t child) {
        m_session.directory().note_creation(parent, child);
        m_awaited.push_back({parent, child, std::chrono::steady_clock::now() + start_limit});
    }

    void close(std::size_t index) {
        LiveThread& live = m_session.thread(index);
        ThreadRecorder& thread = m_threads[index];
        if (!thread.has_ended()) {
            const std::vector<std::uint64_t> words = m_session.closing_words(live, thread.decoder());
            for (std::size_t used = 0; used < words.size();)
                used += thread.append(std::span(words).subspan(used)).words;
        }
        flush(index);
        thread.finish();
        m_session.retire(live);
    }

    void flush(std::size_t index) {
        ThreadRecorder& thread = m_threads[index];
        write_new_threads();
        write_new_blocks();
        if (!thread.bytes().empty()) {
            const ChunkHeader header = thread.header(index);
            m_writer.write_chunk(header, thread.bytes());
            m_summary.instructions += header.instructions;
        }
        thread.begin_chunk();
        m_summary.threads = m_threads.size();
        m_summary.file_bytes = m_writer.bytes();
        if (m_watch.progress) m_watch.progress(m_summary);
    }

    void write_new_threads() {
        if (m_threads_written == m_threads.size()) return;
        std::vector<ThreadIdentity> identities;
        for (; m_threads_written < m_threads.size(); ++m_threads_written) {
            identities.push_back(m_session.thread(m_threads_written).identity);
        }
        ChunkHeader header;
        header.kind = ChunkKind::Threads;
        m_writer.write_chunk(header, encode_threads(identities));
    }

    void write_new_blocks() {
        const auto added = m_session.dictionary().added();
        if (m_blocks_written == added.size()) return;
        std::vector<const BlockInfo*> blocks;
        for (; m_blocks_written < added.size(); ++m_blocks_written) {
            blocks.push_back(m_session.dictionary().find(added[m_blocks_written]));
        }
        ChunkHeader header;
        header.kind = ChunkKind::Blocks;
        m_writer.write_chunk(header, encode_blocks(blocks));
    }

    RecordSummary finish() {
        std::vector<std::uint64_t> instructions;
        for (const ThreadRecorder& thread : m_threads) instructions.push_back(thread.instructions());
        const bool stopped = !m_summary.missing.empty();
        const int status = stopped ? 0 : m_session.process().wait();
        if (!stopped) m_summary.missing = m_session.missing();
        std::vector<ProcessRecord> processes = m_session.processes();
        m_summary.end = processes.front().end;
        m_writer.finish({.exit_status = status,
                         .instructions = std::move(instructions),
                         .chunks = {},
                         .processes = std::move(processes),
                         .missing = m_summary.missing});
        m_summary.file_bytes = m_writer.bytes();
        m_summary.file = name_file();
        return m_summary;
    }

    [[nodiscard]] std::string name_file() const {
        if (m_claim->replaces() && !m_summary.missing.empty()) return m_claim->partial();
        std::filesystem::rename(m_claim->partial(), m_claim->file());
        return m_claim->file();
    }

    std::unique_ptr<OutputClaim> m_claim; ///< before the program is started
    LiveSession m_session;
    PwtWriter m_writer;
    const RecordWatch& m_watch;
    std::deque<ThreadRecorder> m_threads;
    std::vector<AwaitedChild> m_awaited;
    std::size_t m_threads_written = 0;
    std::size_t m_blocks_written = 0;
    RecordSummary m_summary;
};

} // namespace

RecordSummary record(const RecordOptions& options, const RecordWatch& watch) {
    return Recording(options, watch).run();
}

} // namespace pagewalk::workloads
