#include "models/device/disk_media.h"

#include <algorithm>

namespace pagewalk::models {

namespace {

constexpr std::uint64_t zones = 16;
constexpr std::uint64_t tracks_per_cylinder = 18;      // heads of a disk of nine platters
constexpr std::uint64_t read_ahead_bytes = 1ULL << 20; // assumed
constexpr Tick patience{500'000'000 * ticks_per_ns};   // assumed: a read that waits longer comes first
constexpr unsigned fraction_bits = 40;                 // of a seek's distance

/// Bytes at a rate.
constexpr Tick duration(std::uint64_t bytes, std::uint64_t bandwidth) {
    return Tick(
        static_cast<std::uint64_t>(static_cast<unsigned __int128>(bytes) * ticks_per_second / bandwidth));
}

constexpr std::uint64_t square_root(std::uint64_t value) {
    std::uint64_t root = 0;
    for (std::uint64_t bit = 1ULL << 31; bit != 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= value) root += bit;
    return root;
}

} // namespace

std::uint64_t DiskMedia::bandwidth_at(std::uint64_t place) const {
    const std::uint64_t zone = place / (m_parameters.capacity / zones + 1);
    return m_parameters.outer_bandwidth -
           (m_parameters.outer_bandwidth - m_parameters.inner_bandwidth) * zone / (zones - 1);
}

Tick DiskMedia::seek(std::uint64_t from, std::uint64_t to) const {
    const std::uint64_t distance = from > to ? from - to : to - from;
    const Tick turn = m_parameters.revolution;
    const auto track = static_cast<std::uint64_t>(static_cast<unsigned __int128>(bandwidth_at(to)) *
                                                  turn.value() / ticks_per_second);
    if (distance < track * tracks_per_cylinder) return from == to ? Tick() : m_parameters.settle;
    const auto fraction = static_cast<std::uint64_t>(
        (static_cast<unsigned __int128>(distance) << fraction_bits) / m_parameters.capacity);
    return m_parameters.settle +
           Tick(m_parameters.full_seek.value() / 1024 * square_root(fraction) >> (fraction_bits / 2 - 10));
}

Tick DiskMedia::reached(const Job& job, Tick now) const {
    const std::uint64_t to = place(job);
    const Tick arrived = now + seek(m_head, to);
    const std::uint64_t turn = m_parameters.revolution.value();
    const std::uint64_t angle = duration(to, bandwidth_at(to)).value() % turn;
    return arrived + Tick((angle + turn - arrived.value() % turn) % turn);
}

bool DiskMedia::continues_stream(const Job& job) const {
    return job.way == Way::Read && job.what.sector == m_stream;
}

std::size_t DiskMedia::best(Tick now) const {
    const auto oldest_read = std::ranges::find(m_waiting, Way::Read, &Job::way);
    if (oldest_read != m_waiting.end() && oldest_read->since + patience < now)
        return static_cast<std::size_t>(oldest_read - m_waiting.begin());
    std::size_t best = 0;
    Tick soonest = no_time;
    for (std::size_t i = 0; i < m_waiting.size(); ++i) {
        if (continues_stream(m_waiting[i])) return i;
        const Tick time = reached(m_waiting[i], now);
        if (time < soonest) {
            soonest = time;
            best = i;
        }
    }
    return best;
}

void DiskMedia::begin_best(Tick now) {
    const std::size_t index = best(now);
    const Job job = m_waiting[index];
    m_waiting.erase(m_waiting.begin() + static_cast<std::ptrdiff_t>(index));
    const Tick transfer = duration(job.what.bytes, bandwidth_at(place(job)));
    Tick begin;
    if (continues_stream(job)) {
        // The head has read on, as far as the buffer goes.
        const Tick ahead = duration(read_ahead_bytes, bandwidth_at(place(job)));
        begin = std::max(m_stream_time, now > ahead ? now - ahead : Tick());
        m_stream_time = begin + transfer;
        m_done = std::max(now, m_stream_time);
    } else {
        begin = reached(job, now);
        m_done = m_stream_time = begin + transfer;
    }
    m_stream = job.way == Way::Read ? job.what.sector + job.what.bytes / sector_size : ~std::uint64_t{0};
    m_head = (place(job) + job.what.bytes) % m_parameters.capacity;
    m_current = {job.what.command, job.what.bytes};
    m_busy = true;
}

void DiskMedia::add(const Job& job, Tick now) {
    m_waiting.push_back(job);
    if (!m_busy) begin_best(now);
}

std::optional<MediaPart> DiskMedia::take(Tick now) {
    if (next() > now) return {};
    const MediaPart done = m_current;
    m_busy = false;
    if (!m_waiting.empty()) begin_best(m_done);
    return done;
}

} // namespace pagewalk::models
