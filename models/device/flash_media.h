#pragma once

#include "base/rng.h"
#include "models/device/block_device_config.h"
#include "models/device/block_media.h"

#include <array>
#include <cstddef>
#include <queue>
#include <vector>

namespace pagewalk::models {

/// The dies of a solid-state device. Neighbouring pages lie on neighbouring dies; writes go to the dies in
/// turn. A die reads or programs one page at a time, reads in front of programs (which are suspended). What
/// garbage collection adds is programmed with the writes that cause it, those that follow no other.
class FlashMedia final : public BlockMedia {
public:
    FlashMedia(const BlockDeviceParameters& parameters, std::uint64_t seed);

    void read(const MediaJob& job, Tick now) override;
    void write(const MediaJob& job, Tick now) override;
    [[nodiscard]] Tick next() const override { return m_parts.empty() ? no_time : m_parts.top().time; }
    std::optional<MediaPart> take(Tick now) override;

private:
    struct Die {
        Tick read_until{};
        Tick busy_until{}; ///< with all that it has been given
    };
    struct Part {
        Tick time{};
        std::uint64_t order = 0; ///< of equal times, what was begun first
        MediaPart what;
        [[nodiscard]] bool operator>(const Part& other) const {
            return time != other.time ? time > other.time : order > other.order;
        }
    };
    /// Calls each(page, bytes) for the pages that a job lies on.
    template <class Each>
    void for_each_page(const MediaJob& job, const Each& each) const;
    [[nodiscard]] Tick drawn(Tick latency);
    [[nodiscard]] bool follows_another(const MediaJob& job);
    void push(Tick time, const MediaPart& part) { m_parts.push({time, m_order++, part}); }

    BlockDeviceParameters m_parameters;
    Rng m_rng;
    std::vector<Die> m_dies;
    std::size_t m_next_die = 0;
    static constexpr std::size_t streams = 16;
    std::array<std::uint64_t, streams> m_ends{}; ///< sectors behind the latest writes
    std::size_t m_next_end = 0;
    std::priority_queue<Part, std::vector<Part>, std::greater<>> m_parts;
    std::uint64_t m_order = 0;
};

} // namespace pagewalk::models
