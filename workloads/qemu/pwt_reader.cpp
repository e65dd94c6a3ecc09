#include "workloads/qemu/pwt_reader.h"

#include "base/error.h"
#include "contract/system_calls.h"
#include "workloads/qemu/pwt_file.h"
#include "workloads/qemu/space_order.h"
#include "workloads/qemu/stream_decoder.h"
#include "workloads/qemu/thread_directory.h"

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <numeric>

namespace pagewalk::workloads {

namespace {

/// The thread directory, shared by streams that threads of ours may read at the same time.
struct SharedDirectory {
    std::mutex mutex;
    ThreadDirectory threads;
};

class PwtStream final : public InstructionStream {
public:
    /// `order`: null where threads may be read in any order.
    PwtStream(const PwtFile& file, BlockDictionary& dictionary, SharedDirectory& directory, SpaceOrder* order,
              std::size_t index, std::uint64_t epoch)
        : m_file(file), m_dictionary(dictionary), m_directory(directory), m_order(order), m_index(index),
          m_decoder(dictionary, order, index, epoch) {}

    void add_chunk(const ChunkPlace& place) { m_chunks.push_back(place); }

    [[nodiscard]] StreamBatch fetch() override {
        if (m_ended) return {};
        m_waiting = false;
        m_decoder.resume();
        while (!m_ended) {
            m_waiting = m_decoder.is_held();
            if (m_waiting) return {{}, StreamStatus::NotYet, nullptr};
            if (!m_decoder.has_change_due() && m_used == word_count() && !next_chunk()) {
                end();
                break;
            }
            const StreamDecoder::Progress progress = decode();
            m_used += progress.words;
            if (progress.batch) {
                if (progress.batch->status == StreamStatus::SystemCall) note_call(*progress.batch->syscall);
                if (m_decoder.decoder().has_ended()) end(); // nobody asks for what comes after an exit
                return *progress.batch;
            }
            if (m_decoder.decoder().has_ended()) end();
        }
        return {};
    }

    [[nodiscard]] bool ready() override { return m_ended || !m_decoder.is_held(); }
    [[nodiscard]] bool waits_for_others() const override { return !m_ended && m_decoder.waits_for_others(); }
    /// The last fetch() gave NotYet.
    [[nodiscard]] bool is_waiting() const { return m_waiting; }
    void add_image(std::vector<InitialMapping> mappings) { m_images.push_back(std::move(mappings)); }
    /// Null before the first execve.
    [[nodiscard]] const std::vector<InitialMapping>* image() const {
        static const std::vector<InitialMapping> unknown;
        if (m_executed == 0) return nullptr;
        return m_executed <= m_images.size() ? &m_images[m_executed - 1] : &unknown;
    }

    std::uint64_t seek(std::uint64_t number) {
        const auto after = std::ranges::upper_bound(
            m_chunks, number, {}, [](const ChunkPlace& place) { return place.header.first_instruction; });
        m_next = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - m_chunks.begin() - 1, 0));
        m_bytes.clear();
        m_used = 0;
        m_ended = false;
        m_order = nullptr; // what comes before is skipped, in this thread alone
        m_decoder = StreamDecoder(m_dictionary, m_order, m_index, 0);
        return m_next < m_chunks.size() ? m_chunks[m_next].header.first_instruction : 0;
    }

private:
    [[nodiscard]] std::size_t word_count() const { return m_bytes.size() / 8; }
    [[nodiscard]] std::uint64_t chunk_offset() const { return m_chunks[m_next - 1].offset; }

    [[nodiscard]] bool next_chunk() {
        if (m_next == m_chunks.size()) return false;
        const ChunkPlace& place = m_chunks[m_next++];
        try {
            m_bytes = m_file.read_chunk(place);
            if (m_bytes.empty() || m_bytes.size() % 8 != 0)
                throw FormatError("damaged chunk: not whole words");
        } catch (const FormatError& error) {
            throw RunError(m_file.complaint(place.offset, error.what()));
        }
        m_used = 0;
        return true;
    }

    void end() {
        m_ended = true;
        m_decoder.leave();
    }

    [[nodiscard]] StreamDecoder::Progress decode() {
        const auto* words = reinterpret_cast<const std::uint64_t*>(m_bytes.data());
        try {
            const auto progress = m_decoder.decode({words + m_used, word_count() - m_used});
            if (progress.stuck) throw RunError("an event goes beyond its chunk");
            return progress;
        } catch (const RunError& error) {
            throw RunError(m_file.complaint(chunk_offset(), error.what()));
        }
    }

    void note_call(const SyscallRecord& call) {
        if (executes_image(call.number) && call.result == 0) ++m_executed;
        if (!creates_task(call.number)) return;
        const std::lock_guard lock(m_directory.mutex);
        m_directory.threads.note_creation(m_index, call.result);
    }

    const PwtFile& m_file;
    BlockDictionary& m_dictionary;
    SharedDirectory& m_directory;
    SpaceOrder* m_order;
    std::size_t m_index;
    StreamDecoder m_decoder;
    std::vector<ChunkPlace> m_chunks;
    std::vector<std::vector<InitialMapping>> m_images;
    std::size_t m_executed = 0; ///< execves delivered
    std::size_t m_next = 0;
    Bytes m_bytes;
    std::size_t m_used = 0; ///< words
    bool m_waiting = false;
    bool m_ended = false;
};

} // namespace

struct PwtReader::State {
    State(const std::string& path, ThreadOrder threads) : file(path), kept(threads) {
        std::uint64_t offset = 0;
        try {
            index = file.index();
            for (const ChunkPlace& place : index.chunks) {
                offset = place.offset;
                load(place);
            }
        } catch (const FormatError& error) {
            throw InputError(file.complaint(offset, error.what()));
        } catch (const RunError& error) {
            throw InputError(file.complaint(offset, error.what()));
        }
        index.instructions.resize(std::max(index.instructions.size(), streams.size()));
        if (streams.empty())
            throw InputError(file.complaint(pwt_file_header_bytes, "no thread was recorded"));
        if (!file.is_complete()) {
            std::fprintf(stderr,
                         "pagewalk: %s: the recording was cut off; %llu instructions of it can be read\n",
                         path.c_str(), static_cast<unsigned long long>(total()));
        }
    }

    void load(const ChunkPlace& place) {
        switch (place.header.kind) {
        case ChunkKind::Program:
            program = decode_program(file.read_chunk(place));
            break;
        case ChunkKind::Threads:
            for (const ThreadIdentity& identity : decode_threads(file.read_chunk(place))) {
                const std::size_t thread = streams.size();
                directory.threads.add(identity);
                order.join(thread, identity, nullptr);
                streams.push_back(std::make_unique<PwtStream>(file, dictionary, directory,
                                                              kept == ThreadOrder::Kept ? &order : nullptr,
                                                              thread, identity.epoch));
            }
            break;
        case ChunkKind::Blocks:
            decode_blocks(file.read_chunk(place), dictionary);
            break;
        case ChunkKind::Events:
            if (place.header.thread >= streams.size())
                throw FormatError("events of a thread that is not named before");
            streams[place.header.thread]->add_chunk(place);
            break;
        case ChunkKind::Image:
            if (place.header.thread >= streams.size())
                throw FormatError("an image of a thread that is not named before");
            streams[place.header.thread]->add_image(decode_image(file.read_chunk(place)));
            break;
        case ChunkKind::Index:
            break;
        }
    }

    [[nodiscard]] std::uint64_t total() const {
        return std::accumulate(index.instructions.begin(), index.instructions.end(), std::uint64_t{0});
    }

    PwtFile file;
    ThreadOrder kept;
    SpaceOrder order;
    RecordIndex index;
    RecordedProgram program;
    BlockDictionary dictionary;
    SharedDirectory directory;
    std::vector<std::unique_ptr<PwtStream>> streams;
};

PwtReader::PwtReader(const std::string& path, ThreadOrder order)
    : m_state(std::make_unique<State>(path, order)) {}
PwtReader::~PwtReader() = default;

std::string PwtReader::description() const { return m_state->program.description; }

std::uint64_t PwtReader::expected_instructions() const { return m_state->total(); }

std::vector<InitialMapping> PwtReader::initial_mappings() const { return m_state->program.mappings; }

InstructionStream& PwtReader::thread(ThreadIndex index) {
    PAGEWALK_INVARIANT(static_cast<std::size_t>(index) < m_state->streams.size());
    return *m_state->streams[static_cast<std::size_t>(index)];
}

InstructionStream* PwtReader::child(ThreadIndex parent, std::int64_t child) {
    const std::lock_guard lock(m_state->directory.mutex);
    const auto found = m_state->directory.threads.find(static_cast<std::size_t>(parent), child);
    return found ? m_state->streams[*found].get() : nullptr;
}

ThreadIndex PwtReader::index_of_child(ThreadIndex parent, std::int64_t child) {
    const std::lock_guard lock(m_state->directory.mutex);
    const auto found = m_state->directory.threads.find(static_cast<std::size_t>(parent), child);
    PAGEWALK_INVARIANT(found.has_value());
    return static_cast<ThreadIndex>(*found);
}

bool PwtReader::wait_for_news(std::uint64_t) {
    std::string held;
    for (std::size_t i = 0; i < m_state->streams.size(); ++i) {
        PwtStream& stream = *m_state->streams[i];
        if (!stream.is_waiting()) continue;
        if (stream.ready()) return true;
        held += (held.empty() ? " " : ", ") + std::to_string(i);
    }
    // Nothing comes from outside: where all wait for each other the recording contradicts itself.
    if (!held.empty() && is_complete())
        throw RunError(m_state->program.description +
                       ": the recording's order of threads cannot be kept: threads" + held +
                       " wait for others to come to where their process changed its memory");
    return false;
}

int PwtReader::exit_status() const { return m_state->index.exit_status; }

std::vector<ProcessRecord> PwtReader::processes() const { return m_state->index.processes; }

std::string PwtReader::missing() const {
    return is_complete() ? m_state->index.missing : "the recording was cut off";
}

std::vector<InitialMapping> PwtReader::image(ThreadIndex index) const {
    const auto* const executed = m_state->streams.at(static_cast<std::size_t>(index))->image();
    return executed != nullptr ? *executed : m_state->program.mappings;
}

std::size_t PwtReader::thread_count() const { return m_state->streams.size(); }

std::uint64_t PwtReader::instructions(ThreadIndex index) const {
    return m_state->index.instructions.at(static_cast<std::size_t>(index));
}

bool PwtReader::is_complete() const { return m_state->file.is_complete(); }

std::uint64_t PwtReader::seek(ThreadIndex index, std::uint64_t number) {
    return m_state->streams.at(static_cast<std::size_t>(index))->seek(number);
}

} // namespace pagewalk::workloads
