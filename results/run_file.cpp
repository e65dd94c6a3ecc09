#include "results/run_file.h"

#include "base/error.h"
#include "results/hdf5_object.h"
#include "results/run_reader.h"

#include <algorithm>
#include <system_error>

namespace pagewalk::results {

namespace {

std::string running_text(Tick simulated) {
    const std::uint64_t ns = simulated.value() / ticks_per_ns;
    return "was still running at the last checkpoint, simulated time " + std::to_string(ns) +
           " ns: if no such process exists, it was killed";
}

std::string refusal(const std::filesystem::path& path, const std::string& reason) {
    return "cannot write the results to " + path.string() + ": " + reason +
           "; give another place with -o FILE.h5";
}

} // namespace

RunFile::RunFile(std::filesystem::path path, RunMeta meta, RunFileOptions options)
    : m_path(std::move(path)), m_meta(std::move(meta)), m_options(options), m_host(read_host_facts()),
      m_start_time(utc_now()), m_start(Clock::now()) {
    guarded([this] {
        m_claim = std::make_unique<OutputClaim>(m_path, is_results_file, m_options.existing);
        m_spool = std::make_unique<ChunkSpool>(m_claim->temporary());
        write_checkpoint({});
    });
    m_stage = Stage::Running;
    m_next_checkpoint = m_start + m_options.first_checkpoint_after;
}

RunFile::~RunFile() {
    if (m_stage == Stage::Running) try {
            fail("the run ended without finishing its results", {});
        } catch (const std::bad_alloc&) {
            // Where there is no memory, the last checkpoint stays.
        }
}

RecordedEvents& RunFile::table_of(const EventSchema& schema) {
    const auto found = std::ranges::find(
        m_events, schema.name, [](const RecordedEvents& t) -> const std::string& { return t.schema.name; });
    if (found != m_events.end()) return *found;
    return m_events.emplace_back(schema, EventSampling{1});
}

void RunFile::declare_events(const EventSchema& schema, EventSampling sampling) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running);
    table_of(schema).sampling = sampling;
}

void RunFile::append(const EventSchema& schema, std::span<const std::byte> rows) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running);
    guarded([&] { table_of(schema).rows.append(rows, *m_spool); });
}

IntervalsId RunFile::declare_intervals(IntervalSchema schema) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running && !schema.columns.empty());
    m_intervals.emplace_back(std::move(schema));
    return static_cast<IntervalsId>(m_intervals.size() - 1);
}

void RunFile::append_interval(IntervalsId series, std::span<const std::uint64_t> row) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running);
    RecordedIntervals& intervals = m_intervals[static_cast<std::size_t>(series)];
    PAGEWALK_INVARIANT(row.size() == intervals.columns.size());
    guarded([&] {
        for (std::size_t i = 0; i < row.size(); ++i)
            intervals.columns[i]->append(std::as_bytes(row.subspan(i, 1)), *m_spool);
    });
}

void RunFile::checkpoint(const RunState& state) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running);
    guarded([&] { write_checkpoint(state); });
}

std::filesystem::path RunFile::finish(RunStatus status, std::string status_text, const RunState& state) {
    PAGEWALK_INVARIANT(m_stage == Stage::Running);
    const bool is_kept_apart = m_claim->replaces() && status == RunStatus::Interrupted;
    const std::filesystem::path target = is_kept_apart ? m_claim->partial() : m_claim->file();
    guarded([&] {
        write(target, status, std::move(status_text), state);
        if (target != checkpoint_file()) std::filesystem::remove(checkpoint_file());
    });
    m_stage = Stage::Ended;
    m_claim.reset();
    return target;
}

std::filesystem::path RunFile::fail(const std::string& status_text, const RunState& state) noexcept {
    m_stage = Stage::Ended;
    const std::filesystem::path kept = keep_partial(status_text, state);
    m_claim.reset();
    return kept;
}

std::filesystem::path RunFile::keep_partial(const std::string& status_text, const RunState& state) noexcept
    try {
    std::filesystem::path partial = m_claim->partial();
    std::error_code ignored;
    if (state.registry != nullptr) try {
            write(partial, RunStatus::Failed, status_text, state);
            if (checkpoint_file() != partial) std::filesystem::remove(checkpoint_file(), ignored);
            return partial;
        } catch (const std::exception&) {
            // The disk may be full: what the last checkpoint holds is there already.
        }
    std::error_code renamed;
    std::filesystem::rename(checkpoint_file(), partial, renamed);
    if (renamed) return {};
    try {
        overwrite_status(partial, RunStatus::Failed, status_text);
    } catch (const std::exception&) {
        std::filesystem::remove(partial, ignored);
        return {};
    }
    return partial;
} catch (const std::exception&) {
    return {}; // there is no memory even for its name
}

std::filesystem::path RunFile::checkpoint_file() const {
    return m_claim->replaces() ? m_claim->partial() : m_claim->file();
}

void RunFile::write_checkpoint(const RunState& state) {
    const Clock::time_point begin = Clock::now();
    write(checkpoint_file(), RunStatus::Running, running_text(state.simulated_time), state);
    const Clock::time_point end = Clock::now();
    const Clock::duration affordable =
        (end - begin) * (100 / std::max(1U, m_options.most_checkpoint_percent));
    m_next_checkpoint = end + std::max<Clock::duration>(m_options.checkpoint_every, affordable);
}

void RunFile::write(const std::filesystem::path& target, RunStatus status, std::string status_text,
                    const RunState& state) {
    try {
        m_spool->drain();
        const RunContent content{
            .meta = m_meta,
            .status = status,
            .status_text = std::move(status_text),
            .state = state,
            .events = m_events,
            .intervals = m_intervals,
            .spool = *m_spool,
            .host = m_host,
            .start_time = m_start_time,
            .end_time = utc_now(),
            .host_seconds = std::chrono::duration<double>(Clock::now() - m_start).count(),
        };
        build_run_file(m_claim->temporary(), content);
        std::filesystem::rename(m_claim->temporary(), target);
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(m_claim->temporary(), ignored);
        throw;
    }
}

template <class Action>
void RunFile::guarded(Action action) {
    try {
        action();
    } catch (const std::system_error& error) {
        give_up(error.code().message());
    } catch (const Hdf5Error& error) {
        give_up(error.what());
    } catch (const OutputTaken& error) {
        throw ResultsTaken(refusal(m_path, error.what()));
    } catch (const OutputRefused& error) {
        give_up(error.what());
    }
}

void RunFile::give_up(const std::string& reason) const {
    if (m_stage == Stage::Starting) throw InputError(refusal(m_path, reason));
    throw RunError("cannot write the results to " + m_path.string() + " any further: " + reason);
}

} // namespace pagewalk::results
