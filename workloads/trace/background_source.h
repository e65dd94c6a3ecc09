#pragma once

#include "workloads/trace/byte_source.h"

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace pagewalk::workloads {

/// Reads another source on a thread of its own, two buffers ahead, so that decompression overlaps simulation.
/// Bytes and errors arrive in the same order as from the source itself.
class BackgroundSource final : public ByteSource {
public:
    explicit BackgroundSource(std::unique_ptr<ByteSource> source, std::size_t buffer_bytes = 1 << 20);
    BackgroundSource(const BackgroundSource&) = delete;
    BackgroundSource& operator=(const BackgroundSource&) = delete;
    ~BackgroundSource() override;

    [[nodiscard]] std::size_t read(std::span<std::byte> out) override;

private:
    struct Buffer {
        std::vector<std::byte> bytes;
        std::size_t size = 0;
        bool full = false; ///< the reader's to use; guarded by m_mutex
        bool last = false;
        std::exception_ptr damage;
    };

    void produce();

    std::unique_ptr<ByteSource> m_source;
    std::array<Buffer, 2> m_buffers;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bool m_stop = false; ///< guarded by m_mutex
    std::size_t m_current = 0;
    std::size_t m_consumed = 0;
    bool m_holding = false; ///< the reader is in the middle of m_buffers[m_current]
    std::thread m_thread;
};

} // namespace pagewalk::workloads
