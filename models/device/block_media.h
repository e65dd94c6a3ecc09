#pragma once

#include "base/time.h"
#include "contract/kernel_path.h"

#include <cstdint>
#include <optional>

namespace pagewalk::models {

/// What a medium is asked to read into the device's buffer, or to write from it.
struct MediaJob {
    std::uint64_t sector = 0; ///< of 512 bytes
    std::uint32_t bytes = 0;
    std::uint32_t command = 0; ///< the controller's name for it
};

/// What a medium is done with: a part of a job, or all of it.
struct MediaPart {
    std::uint32_t command = 0;
    std::uint32_t bytes = 0;
};

/// Where a device keeps its data. Contract: the times of all calls ascend.
class BlockMedia {
public:
    virtual ~BlockMedia() = default;
    virtual void read(const MediaJob& job, Tick now) = 0;
    virtual void write(const MediaJob& job, Tick now) = 0;
    /// When something is done next; no_time where nothing is to be done.
    [[nodiscard]] virtual Tick next() const = 0;
    /// Something that is done by `now`, earliest first.
    virtual std::optional<MediaPart> take(Tick now) = 0;
};

} // namespace pagewalk::models
