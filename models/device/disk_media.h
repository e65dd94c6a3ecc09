#pragma once

#include "models/device/block_device_config.h"
#include "models/device/block_media.h"

#include <cstddef>
#include <vector>

namespace pagewalk::models {

/// The platters of a rotating disk, whose arm serves first what it can reach first (native command queuing).
/// A seek takes its settling and the root of its distance. Sectors lie one behind the other at a zone's rate,
/// tracks skewed so that a run loses no turn. Reads go on behind the last one, so that the next of a stream
/// is in the buffer.
class DiskMedia final : public BlockMedia {
public:
    explicit DiskMedia(const BlockDeviceParameters& parameters) : m_parameters(parameters) {}

    void read(const MediaJob& job, Tick now) override { add({job, Way::Read, now}, now); }
    void write(const MediaJob& job, Tick now) override { add({job, Way::Write, now}, now); }
    [[nodiscard]] Tick next() const override { return m_busy ? m_done : no_time; }
    std::optional<MediaPart> take(Tick now) override;

private:
    enum class Way : std::uint8_t { Read, Write };
    struct Job {
        MediaJob what;
        Way way = Way::Read;
        Tick since{};
    };
    void add(const Job& job, Tick now);
    void begin_best(Tick now);
    [[nodiscard]] std::size_t best(Tick now) const;
    [[nodiscard]] bool continues_stream(const Job& job) const;
    /// When the job's first sector is under the head that leaves for it at `now`.
    [[nodiscard]] Tick reached(const Job& job, Tick now) const;
    [[nodiscard]] Tick seek(std::uint64_t from, std::uint64_t to) const;
    /// The job's first byte on the disk.
    [[nodiscard]] std::uint64_t place(const Job& job) const {
        return job.what.sector * sector_size % m_parameters.capacity;
    }
    [[nodiscard]] std::uint64_t bandwidth_at(std::uint64_t place) const;

    BlockDeviceParameters m_parameters;
    std::vector<Job> m_waiting; ///< oldest first
    MediaPart m_current;
    bool m_busy = false;
    Tick m_done{};                              ///< with the current job
    std::uint64_t m_head = 0;                   ///< byte behind the last one that was read or written
    std::uint64_t m_stream = ~std::uint64_t{0}; ///< sector behind the last read
    Tick m_stream_time{};                       ///< when the head was there
};

} // namespace pagewalk::models
