#pragma once

#include "os/replay/capture_files.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct tep_handle;

namespace pagewalk::os {

/// One record of a CPU's ring buffer. The span is valid during the call that gets it.
struct RawEvent {
    std::uint64_t sequence =
        0; ///< the trace clock: a global counter, so that it orders the events of all CPUs
    std::span<const char> record;
    std::int32_t pid = 0;
    std::uint16_t cpu = 0;
    std::uint16_t id = 0;
    std::uint8_t flags = 0; ///< 1 interrupts off, 8 hard interrupt, 16 soft interrupt

    [[nodiscard]] bool in_interrupt() const { return (flags & 0x18) != 0; }
};

/// Where a number is in an event's record.
struct TraceField {
    std::uint16_t offset = 0;
    std::uint8_t size = 0;
    bool is_signed = false;

    [[nodiscard]] std::int64_t read(std::span<const char> record) const {
        std::uint64_t value = 0;
        std::memcpy(&value, record.data() + offset, size);
        if (!is_signed || size == 8) return static_cast<std::int64_t>(value);
        const unsigned shift = 64 - 8U * size;
        return static_cast<std::int64_t>(value << shift) >> shift;
    }
};

/// Reads a capture's raw ring-buffer pages with libtraceevent and the tracepoint formats captured beside
/// them.
class TraceReader {
public:
    /// Errors: InputError when a format file cannot be parsed.
    explicit TraceReader(const CaptureFiles& files);
    ~TraceReader();
    TraceReader(const TraceReader&) = delete;
    TraceReader& operator=(const TraceReader&) = delete;

    [[nodiscard]] std::size_t cpu_count() const { return m_buffers.size(); }
    /// Nothing when the capture has no such event.
    [[nodiscard]] std::optional<std::uint16_t> event_id(std::string_view system,
                                                        std::string_view event) const;
    /// Errors: InputError when the event has no such field or it is not a number.
    [[nodiscard]] TraceField field(std::string_view system, std::string_view event,
                                   std::string_view field) const;

    /// Calls `visit` for every record of one CPU in order. Errors: InputError when the buffer is truncated,
    /// holds a record of an unknown type, or its pages say that events were lost.
    void for_each(std::size_t cpu, const std::function<void(const RawEvent&)>& visit) const;

private:
    const CaptureFiles& m_files;
    std::unique_ptr<tep_handle, void (*)(tep_handle*)> m_tep;
    std::vector<std::string> m_buffers; ///< file names by CPU
};

} // namespace pagewalk::os
