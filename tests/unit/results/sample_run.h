#pragma once

#include "base/event_table.h"
#include "base/histogram.h"
#include "base/scratch_folder.h"
#include "base/stats.h"
#include "results/run_file.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace pagewalk::results {

enum class SampleKind : std::uint8_t { Minor, Major, Spurious };

struct SampleFault {
    std::uint64_t time;
    std::uint64_t address;
    std::uint32_t latency;
    std::int16_t node;
    SampleKind kind; // and a byte of padding, which must not reach the file
};

[[nodiscard]] EventSchema sample_fault_schema();

/// A small machine's worth of statistics, events and texts, the same every time.
class SampleRun {
public:
    SampleRun();
    SampleRun(const SampleRun&) = delete;
    SampleRun& operator=(const SampleRun&) = delete;

    [[nodiscard]] static RunMeta meta();
    /// Lets the machine work on: counters and histograms grow.
    void advance(std::uint64_t instructions);
    [[nodiscard]] RunState state() const;
    /// The nth fault of this run.
    [[nodiscard]] static SampleFault fault(std::uint64_t n);
    static void append_faults(RunFile& file, std::uint64_t first, std::uint64_t count);

    /// Writes a complete run with `faults` faults and 10 intervals. A checkpoint is taken after every fault
    /// that `checkpoint_every` divides.
    void write(const std::filesystem::path& path, std::uint64_t faults, std::uint64_t checkpoint_every = 0);

private:
    std::uint64_t m_instructions = 0;
    std::uint64_t m_cycles = 0;
    std::uint64_t m_misses = 0;
    std::uint64_t m_never = 0;
    std::uint64_t m_stall_base = 0;
    std::uint64_t m_stall_walk = 0;
    Histogram m_walk_cycles;
    Histogram m_empty;
    StatRegistry m_registry;
};

} // namespace pagewalk::results
