#pragma once

#include "base/error.h"
#include "base/event_table.h"
#include "base/output_claim.h"
#include "results/chunk_spool.h"
#include "results/file_builder.h"
#include "results/recorded_table.h"
#include "results/run_state.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace pagewalk::results {

enum class IntervalsId : std::uint32_t {};

struct RunFileOptions {
    /// Until the first one with statistics; one costs as much as a short run.
    std::chrono::milliseconds first_checkpoint_after{500};
    std::chrono::milliseconds checkpoint_every{2000};                      ///< wall clock, at least
    unsigned most_checkpoint_percent = 5;                                  ///< of the run's wall clock
    OutputClaim::Existing existing = OutputClaim::Existing::MayBeReplaced; ///< a results file there already
};

/// The results file is being written by another process, or is there and was not to be.
class ResultsTaken : public InputError {
    using InputError::InputError;
};

/// Writes one run to one HDF5 file as results/schema.md describes.
///
/// A file under the final name always opens and says what it is: a checkpoint is built beside it
/// (FILE.tmp) and renamed over it. A run that is killed leaves its last checkpoint, with status "running". A
/// run that fails leaves its last content as FILE.partial and nothing under the final name.
/// Where FILE holds earlier results they stay until this run's are whole: checkpoints, and what a run leaves
/// that fails or is interrupted, are FILE.partial. Any other file is refused (base/output_claim.h).
///
/// Errors: InputError where the file cannot be made at the start, RunError from then on.
class RunFile final : public EventSink {
public:
    /// Writes the first checkpoint, so that a wrong folder or a full disk shows before the run.
    RunFile(std::filesystem::path path, RunMeta meta, RunFileOptions options = {});
    /// Without finish(), the run counts as failed.
    ~RunFile() override;
    RunFile(const RunFile&) = delete;
    RunFile& operator=(const RunFile&) = delete;

    /// Makes /events/<name>, even if no event comes. A table that is not declared is made with its first
    /// event.
    void declare_events(const EventSchema& schema, EventSampling sampling);
    void append(const EventSchema& schema, std::span<const std::byte> rows) override;

    [[nodiscard]] IntervalsId declare_intervals(IntervalSchema schema);
    /// One value a column.
    void append_interval(IntervalsId series, std::span<const std::uint64_t> row);

    /// Is it time for a checkpoint? Cheap enough to ask every quantum.
    [[nodiscard]] bool checkpoint_due() const { return Clock::now() >= m_next_checkpoint; }
    void checkpoint(const RunState& state);

    /// Writes the final file and returns its name; nothing may be appended afterwards.
    std::filesystem::path finish(RunStatus status, std::string status_text, const RunState& state);
    /// Leaves what there is as FILE.partial with status failed: all of it if `state` has a registry and there
    /// is space for it, else the last checkpoint. Never throws: there is an error on its way already. Returns
    /// where the content is; empty if none could be kept.
    std::filesystem::path fail(const std::string& status_text, const RunState& state) noexcept;

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

private:
    using Clock = std::chrono::steady_clock;

    enum class Stage : std::uint8_t { Starting, Running, Ended };

    std::filesystem::path keep_partial(const std::string& status_text, const RunState& state) noexcept;
    RecordedEvents& table_of(const EventSchema& schema);
    void write(const std::filesystem::path& target, RunStatus status, std::string status_text,
               const RunState& state);
    void write_checkpoint(const RunState& state);
    [[nodiscard]] std::filesystem::path checkpoint_file() const;
    [[noreturn]] void give_up(const std::string& reason) const;
    template <class Action>
    void guarded(Action action);

    std::filesystem::path m_path;         ///< as its user named it
    std::unique_ptr<OutputClaim> m_claim; ///< until the run has ended
    RunMeta m_meta;
    RunFileOptions m_options;
    HostFacts m_host;
    std::string m_start_time;
    Clock::time_point m_start;
    Clock::time_point m_next_checkpoint;
    Stage m_stage = Stage::Starting;
    std::deque<RecordedEvents> m_events;
    std::deque<RecordedIntervals> m_intervals;
    std::unique_ptr<ChunkSpool> m_spool; ///< after the tables: its thread writes to them
};

} // namespace pagewalk::results
