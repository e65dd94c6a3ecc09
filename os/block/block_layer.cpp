#include "os/block/block_layer.h"

#include "base/address.h"
#include "base/error.h"

#include <array>

namespace pagewalk::os {

void BlockLayer::connect(BlockDevice& device, InterruptLines& lines) {
    lines.request(device.interrupt_source(), *this);
    m_device = &device;
}

void BlockLayer::read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames) {
    if (m_device == nullptr) throw RunError("the simulated machine has no block device to read a file from");
    std::uint64_t tag = m_requests.size();
    if (m_free_tags.empty()) {
        m_requests.emplace_back();
    } else {
        tag = m_free_tags.back();
        m_free_tags.pop_back();
    }
    Request& request = m_requests[static_cast<std::size_t>(tag)];
    request.what = {.kind = BlockRequest::Kind::Read,
                    .sector = sector,
                    .bytes = static_cast<std::uint32_t>(frames.size() * page_size),
                    .tag = tag};
    request.frames.assign(frames.begin(), frames.end());
    m_counters.pgpgin += request.what.bytes / 1024;
    ++m_in_flight;
    op.path.call(KernelFunction::SubmitBio);
    op.effect<&BlockLayer::submit>(*this, tag);
}

void BlockLayer::submit(std::uint64_t tag, const Moment& moment) {
    BlockRequest& request = m_requests[static_cast<std::size_t>(tag)].what;
    request.cpu = moment.cpu;
    m_device->submit(request, moment.now);
}

void BlockLayer::interrupted(Operation& op) {
    std::array<std::uint64_t, 16> tags;
    while (const std::size_t count = m_device->take_completions(op.cpu, op.now, tags))
        for (const std::uint64_t tag : std::span(tags).first(count)) {
            op.path.call(KernelFunction::CompleteIo);
            for (const Pfn frame : m_requests[static_cast<std::size_t>(tag)].frames) {
                op.path.store_page(frame);
                op.effect<&PageLocks::end_read>(m_locks, frame.value());
            }
            op.effect<&BlockLayer::end>(*this, tag);
        }
}

void BlockLayer::end(std::uint64_t tag, const Moment&) {
    m_requests[static_cast<std::size_t>(tag)].frames.clear();
    m_free_tags.push_back(tag);
    --m_in_flight;
}

} // namespace pagewalk::os
