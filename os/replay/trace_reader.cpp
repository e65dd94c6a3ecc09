#include "os/replay/trace_reader.h"

#include "base/error.h"

#include <array>
#include <traceevent/event-parse.h>
extern "C" { // this header does not say so itself
#include <traceevent/kbuffer.h>
}
#include <unordered_map>

namespace pagewalk::os {
namespace {

constexpr std::size_t subbuffer_bytes = 4096;

tep_event* find_event(tep_handle* tep, std::string_view system, std::string_view event) {
    return tep_find_event_by_name(tep, std::string(system).c_str(), std::string(event).c_str());
}

} // namespace

TraceReader::TraceReader(const CaptureFiles& files) : m_files(files), m_tep(tep_alloc(), &tep_free) {
    if (!m_tep) throw RunError("libtraceevent: cannot allocate a parser");
    tep_set_loglevel(TEP_LOG_NONE);
    tep_set_long_size(m_tep.get(), 8);
    tep_set_page_size(m_tep.get(), static_cast<int>(subbuffer_bytes));
    tep_set_file_bigendian(m_tep.get(), TEP_LITTLE_ENDIAN);
    for (const std::string& name : files.names("format/")) {
        const std::string_view rest = std::string_view(name).substr(7);
        const std::size_t slash = rest.find('/');
        if (slash == std::string_view::npos) continue; // header_page, header_event
        const std::string& text = files.read(name);
        const std::string system(rest.substr(0, slash));
        // A print format that libtraceevent cannot follow does not matter: only the fields are read.
        tep_parse_event(m_tep.get(), text.data(), text.size(), system.c_str());
        if (!find_event(m_tep.get(), system, rest.substr(slash + 1)))
            throw InputError(files.path() + ": " + name + " is not a tracepoint's format");
    }
    for (std::size_t cpu = 0; files.contains("raw.cpu" + std::to_string(cpu)); ++cpu)
        m_buffers.push_back("raw.cpu" + std::to_string(cpu));
    if (m_buffers.empty()) throw InputError(files.path() + ": has no file raw.cpu0");
}

TraceReader::~TraceReader() = default;

std::optional<std::uint16_t> TraceReader::event_id(std::string_view system, std::string_view event) const {
    const tep_event* found = find_event(m_tep.get(), system, event);
    if (!found) return std::nullopt;
    return static_cast<std::uint16_t>(found->id);
}

TraceField TraceReader::field(std::string_view system, std::string_view event, std::string_view field) const {
    const std::string name(field);
    tep_event* const found = find_event(m_tep.get(), system, event);
    const tep_format_field* const format = found ? tep_find_any_field(found, name.c_str()) : nullptr;
    if (!format || format->size > 8 || (format->flags & (TEP_FIELD_IS_STRING | TEP_FIELD_IS_ARRAY)) != 0)
        throw InputError(m_files.path() + ": format/" + std::string(system) + "/" + std::string(event) +
                         " has no number \"" + name + "\"");
    return {static_cast<std::uint16_t>(format->offset), static_cast<std::uint8_t>(format->size),
            (format->flags & TEP_FIELD_IS_SIGNED) != 0};
}

void TraceReader::for_each(std::size_t cpu, const std::function<void(const RawEvent&)>& visit) const {
    const std::string& name = m_buffers[cpu];
    const std::string& data = m_files.read(name);
    const auto fail = [&](std::size_t page, const std::string& why) {
        throw InputError(m_files.path() + ": " + name + ", page " + std::to_string(page) + ": " + why);
    };
    if (data.size() % subbuffer_bytes != 0)
        fail(data.size() / subbuffer_bytes,
             "is truncated: the file is not a whole number of 4096-byte pages");

    const std::unique_ptr<kbuffer, void (*)(kbuffer*)> buffer(
        kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE), &kbuffer_free);
    if (!buffer) throw RunError("libtraceevent: cannot allocate a ring-buffer reader");
    std::vector<char> page(subbuffer_bytes); // kbuffer wants memory that it may write
    std::vector<std::uint8_t> known(1U << 16, 0);
    int count = 0;
    tep_event** const events = tep_list_events(m_tep.get(), TEP_EVENT_SORT_ID);
    for (count = 0; events && events[count]; ++count)
        known[static_cast<std::uint16_t>(events[count]->id)] = 1;

    RawEvent event;
    event.cpu = static_cast<std::uint16_t>(cpu);
    for (std::size_t number = 0; number < data.size() / subbuffer_bytes; ++number) {
        std::memcpy(page.data(), data.data() + number * subbuffer_bytes, subbuffer_bytes);
        if (kbuffer_load_subbuffer(buffer.get(), page.data()) != 0) fail(number, "is not a ring-buffer page");
        if (kbuffer_subbuffer_size(buffer.get()) > static_cast<int>(subbuffer_bytes))
            fail(number, "says that it holds more than it can");
        if (kbuffer_missed_events(buffer.get()) != 0) fail(number, "says that events were lost before it");
        unsigned long long sequence = 0;
        for (void* record = kbuffer_read_event(buffer.get(), &sequence); record;
             record = kbuffer_next_event(buffer.get(), &sequence)) {
            const auto* const bytes = static_cast<const char*>(record);
            const int size = kbuffer_event_size(buffer.get());
            if (size < 8 || bytes + size > page.data() + page.size()) fail(number, "has a damaged record");
            std::memcpy(&event.id, bytes, 2);
            event.flags = static_cast<std::uint8_t>(bytes[2]);
            std::memcpy(&event.pid, bytes + 4, 4);
            if (!known[event.id])
                fail(number,
                     "has a record of type " + std::to_string(event.id) + ", whose format was not captured");
            event.sequence = sequence;
            event.record = {bytes, static_cast<std::size_t>(size)};
            visit(event);
        }
    }
}

} // namespace pagewalk::os
