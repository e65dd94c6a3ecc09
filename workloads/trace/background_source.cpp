#include "workloads/trace/background_source.h"

#include <algorithm>
#include <cstring>

namespace pagewalk::workloads {

BackgroundSource::BackgroundSource(std::unique_ptr<ByteSource> source, std::size_t buffer_bytes)
    : m_source(std::move(source)) {
    for (Buffer& buffer : m_buffers) buffer.bytes.resize(buffer_bytes);
    m_thread = std::thread([this] { produce(); });
}

BackgroundSource::~BackgroundSource() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

void BackgroundSource::produce() {
    for (std::size_t next = 0;; next ^= 1) {
        Buffer& buffer = m_buffers[next];
        {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [&] { return m_stop || !buffer.full; });
            if (m_stop) return;
        }
        buffer.size = 0;
        try {
            while (buffer.size < buffer.bytes.size()) {
                const std::size_t got = m_source->read(std::span(buffer.bytes).subspan(buffer.size));
                if (got == 0) {
                    buffer.last = true;
                    break;
                }
                buffer.size += got;
            }
        } catch (...) {
            buffer.last = true;
            buffer.damage = std::current_exception();
        }
        const bool last = buffer.last;
        {
            const std::lock_guard lock(m_mutex);
            buffer.full = true;
        }
        m_changed.notify_all();
        if (last) return;
    }
}

std::size_t BackgroundSource::read(std::span<std::byte> out) {
    for (;;) {
        Buffer& buffer = m_buffers[m_current];
        if (!m_holding) {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [&] { return buffer.full; });
            m_holding = true;
            m_consumed = 0;
        }
        if (m_consumed < buffer.size) {
            const std::size_t n = std::min(out.size(), buffer.size - m_consumed);
            std::memcpy(out.data(), buffer.bytes.data() + m_consumed, n);
            m_consumed += n;
            return n;
        }
        if (buffer.damage) std::rethrow_exception(buffer.damage);
        if (buffer.last) return 0;
        {
            const std::lock_guard lock(m_mutex);
            buffer.full = false;
        }
        m_changed.notify_all();
        m_holding = false;
        m_current ^= 1;
    }
}

} // namespace pagewalk::workloads
