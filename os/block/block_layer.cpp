#include "os/block/block_layer.h"

#include "base/address.h"
#include "base/error.h"

#include <array>

namespace pagewalk::os {

void BlockLayer::connect(BlockDevice& device, InterruptLines& lines) {
    lines.request(device.interrupt_source(), *this);
    m_device = &device;
}

std::uint64_t BlockLayer::new_request(BlockRequest::Kind kind, std::uint64_t sector,
                                      std::span<const Pfn> frames) {
    if (m_device == nullptr) throw RunError("the simulated machine has no block device");
    std::uint64_t tag = m_requests.size();
    if (m_free_tags.empty()) {
        m_requests.emplace_back();
    } else {
        tag = m_free_tags.back();
        m_free_tags.pop_back();
    }
    Request& request = m_requests[static_cast<std::size_t>(tag)];
    request.what = {.kind = kind,
                    .sector = sector,
                    .bytes = static_cast<std::uint32_t>(frames.size() * page_size),
                    .tag = tag};
    request.frames.assign(frames.begin(), frames.end());
    request.owner = nullptr;
    request.awaited = request.done = false;
    return tag;
}

void BlockLayer::send(Operation& op, std::uint64_t tag) {
    ++m_in_flight;
    op.path.call(KernelFunction::SubmitBio);
    op.effect<&BlockLayer::submit>(*this, tag);
}

void BlockLayer::read(Operation& op, std::uint64_t sector, std::span<const Pfn> frames) {
    m_counters.pgpgin += frames.size() * page_size / 1024;
    send(op, new_request(BlockRequest::Kind::Read, sector, frames));
}

void BlockLayer::write(Operation& op, std::uint64_t sector, std::span<const Pfn> frames,
                       WrittenPages& owner) {
    m_counters.pgpgout += frames.size() * page_size / 1024;
    const std::uint64_t tag = new_request(BlockRequest::Kind::Write, sector, frames);
    m_requests[static_cast<std::size_t>(tag)].owner = &owner;
    send(op, tag);
}

void BlockLayer::transfer(Operation& op, BlockRequest::Kind kind, std::uint64_t sector, std::uint64_t bytes) {
    const std::uint64_t tag = new_request(kind, sector, {});
    Request& request = m_requests[static_cast<std::size_t>(tag)];
    request.what.bytes = static_cast<std::uint32_t>(bytes);
    request.awaited = op.may_wait();
    if (kind == BlockRequest::Kind::Read) m_counters.pgpgin += bytes / 1024;
    if (kind == BlockRequest::Kind::Write) m_counters.pgpgout += bytes / 1024;
    send(op, tag);
    if (!op.may_wait()) return;
    while (!m_requests[static_cast<std::size_t>(tag)].done) m_done.wait(op);
    give_back(tag);
}

void BlockLayer::submit(std::uint64_t tag, const Moment& moment) {
    BlockRequest& request = m_requests[static_cast<std::size_t>(tag)].what;
    request.cpu = moment.cpu;
    m_requests[static_cast<std::size_t>(tag)].submitted = moment.now;
    m_device->submit(request, moment.now);
}

void BlockLayer::interrupted(Operation& op) {
    std::array<std::uint64_t, 16> tags;
    while (const std::size_t count = m_device->take_completions(op.cpu, op.now, tags))
        for (const std::uint64_t tag : std::span(tags).first(count)) {
            op.path.call(KernelFunction::CompleteIo);
            const Request& request = m_requests[static_cast<std::size_t>(tag)];
            for (const Pfn frame : request.frames) {
                op.path.store_page(frame);
                if (request.owner != nullptr) {
                    request.owner->complete(op);
                    op.effect<&WrittenPages::written>(*request.owner, frame.value());
                } else {
                    op.effect<&PageLocks::end_read>(m_locks, frame.value());
                }
            }
            op.effect<&BlockLayer::end>(*this, tag);
        }
}

void BlockLayer::end(std::uint64_t tag, const Moment& moment) {
    --m_in_flight;
    Request& request = m_requests[static_cast<std::size_t>(tag)];
    request.done = true;
    if (m_on_complete)
        m_on_complete({.time = request.submitted.value(),
                       .latency = (moment.now - request.submitted).value(),
                       .sector = request.what.sector,
                       .nr_sector = static_cast<std::uint32_t>(request.what.bytes / sector_size),
                       .cpu = static_cast<std::uint16_t>(request.what.cpu),
                       .call = static_cast<BlockCall>(request.what.kind)});
    if (!request.awaited) return give_back(tag);
    m_done.wake_all(moment);
}

void BlockLayer::give_back(std::uint64_t tag) {
    m_requests[static_cast<std::size_t>(tag)].frames.clear();
    m_free_tags.push_back(tag);
}

} // namespace pagewalk::os
