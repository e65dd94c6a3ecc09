#include "models/device/flash_media.h"

#include "contract/block_request.h"

#include <algorithm>

namespace pagewalk::models {

FlashMedia::FlashMedia(const BlockDeviceParameters& parameters, std::uint64_t seed)
    : m_parameters(parameters), m_rng(seed, "device.media"), m_dies(parameters.dies) {
    m_ends.fill(~std::uint64_t{0});
}

template <class Each>
void FlashMedia::for_each_page(const MediaJob& job, const Each& each) const {
    const std::uint64_t begin = job.sector * sector_size;
    const std::uint64_t end = begin + job.bytes;
    for (std::uint64_t at = begin; at < end;) {
        const std::uint64_t page = at / m_parameters.page_bytes;
        const std::uint64_t next = std::min((page + 1) * m_parameters.page_bytes, end);
        each(page, static_cast<std::uint32_t>(next - at));
        at = next;
    }
}

Tick FlashMedia::drawn(Tick latency) {
    const std::uint64_t spread = m_parameters.latency_spread;
    const std::uint64_t thousandths = 1000 - 10 * spread + m_rng.below(20 * spread + 1);
    return Tick(latency.value() / 1000 * thousandths);
}

void FlashMedia::read(const MediaJob& job, Tick now) {
    for_each_page(job, [&](std::uint64_t page, std::uint32_t bytes) {
        Die& die = m_dies[page % m_dies.size()];
        Tick time = drawn(m_parameters.read_latency);
        if (m_rng.below(1000) < m_parameters.read_retries) time = time * 2;
        const Tick start = std::max(now, die.read_until);
        die.read_until = start + time;
        die.busy_until = std::max(die.busy_until, start) + time;
        push(die.read_until, {job.command, bytes});
    });
}

bool FlashMedia::follows_another(const MediaJob& job) {
    const std::uint64_t end = job.sector + job.bytes / sector_size;
    const auto stream = std::ranges::find(m_ends, job.sector);
    if (stream != m_ends.end()) {
        *stream = end;
        return true;
    }
    m_ends[m_next_end++ % streams] = end;
    return false;
}

void FlashMedia::write(const MediaJob& job, Tick now) {
    const std::uint64_t amplification = follows_another(job) ? 100 : m_parameters.write_amplification;
    for_each_page(job, [&](std::uint64_t, std::uint32_t bytes) {
        Die& die = m_dies[m_next_die++ % m_dies.size()];
        const Tick page = drawn(m_parameters.program_latency);
        const Tick time(page.value() / m_parameters.page_bytes * bytes / 100 * amplification);
        die.busy_until = std::max(now, die.busy_until) + time;
        push(die.busy_until, {job.command, bytes});
    });
}

std::optional<MediaPart> FlashMedia::take(Tick now) {
    if (next() > now) return {};
    const MediaPart part = m_parts.top().what;
    m_parts.pop();
    return part;
}

} // namespace pagewalk::models
