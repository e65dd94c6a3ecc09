#include "os/replay/slab_events.h"

#include "base/error.h"
#include "os/replay/page_trace.h"
#include "os/replay/trace_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>

namespace pagewalk::os {
namespace {

// libtraceevent gives numbers only; a string's place is a number beside it.
TraceField string_field(const CaptureFiles& files, const std::string& event, const std::string& field) {
    const std::string name = "format/kmem/" + event;
    const std::string& format = files.read(name);
    const std::size_t at = format.find(" " + field + ";");
    const std::size_t offset = at == std::string::npos ? at : format.find("offset:", at);
    TraceField found{0, 4, false};
    if (offset == std::string::npos ||
        std::from_chars(format.data() + offset + 7, format.data() + format.size(), found.offset).ec !=
            std::errc{})
        throw InputError(files.path() + ": " + name + " has no field \"" + field + "\"");
    return found;
}

std::string read_string(const RawEvent& raw, TraceField field) {
    const auto place = static_cast<std::uint32_t>(field.read(raw.record));
    const std::size_t offset = place & 0xffff;
    const std::size_t length = place >> 16;
    if (offset + length > raw.record.size() || length == 0) return {};
    return {raw.record.data() + offset, length - 1};
}

struct Decoder {
    SlabEventKind kind{};
    std::size_t record_bytes = 0; ///< that the fields need
    std::optional<TraceField> object, call_site, requested, allocated, gfp, node, frame, order, name;
};

class DecoderBuilder {
public:
    DecoderBuilder(const TraceReader& reader, const char* event) : m_reader(reader), m_event(event) {}

    TraceField number(const char* field) {
        const TraceField found = m_reader.field("kmem", m_event, field);
        bytes = std::max<std::size_t>(bytes, found.offset + std::size_t{found.size});
        return found;
    }
    std::size_t bytes = 0;

private:
    const TraceReader& m_reader;
    const char* m_event;
};

std::map<std::uint16_t, Decoder> make_decoders(const CaptureFiles& files, const TraceReader& reader) {
    std::map<std::uint16_t, Decoder> decoders;
    const auto add = [&](const char* event, SlabEventKind kind, auto&& fill) {
        const auto id = reader.event_id("kmem", event);
        if (!id) return;
        DecoderBuilder builder(reader, event);
        Decoder decoder;
        decoder.kind = kind;
        fill(builder, decoder);
        decoder.record_bytes = builder.bytes;
        decoders[*id] = decoder;
    };
    const auto alloc = [](DecoderBuilder& b, Decoder& d) {
        d.object = b.number("ptr");
        d.call_site = b.number("call_site");
        d.requested = b.number("bytes_req");
        d.allocated = b.number("bytes_alloc");
        d.gfp = b.number("gfp_flags");
        d.node = b.number("node");
    };
    add("kmalloc", SlabEventKind::Kmalloc, alloc);
    add("kmem_cache_alloc", SlabEventKind::CacheAlloc, alloc);
    add("kfree", SlabEventKind::Kfree, [](DecoderBuilder& b, Decoder& d) { d.object = b.number("ptr"); });
    add("kmem_cache_free", SlabEventKind::CacheFree, [&](DecoderBuilder& b, Decoder& d) {
        d.object = b.number("ptr");
        d.name = string_field(files, "kmem_cache_free", "name");
        b.bytes = std::max<std::size_t>(b.bytes, d.name->offset + std::size_t{4});
    });
    add("mm_page_alloc", SlabEventKind::PageAlloc, [](DecoderBuilder& b, Decoder& d) {
        d.frame = b.number("pfn");
        d.order = b.number("order");
        d.gfp = b.number("gfp_flags");
    });
    add("mm_page_free", SlabEventKind::PageFree, [](DecoderBuilder& b, Decoder& d) {
        d.frame = b.number("pfn");
        d.order = b.number("order");
    });
    return decoders;
}

} // namespace

SlabTraceLog read_slab_events(const CaptureFiles& files) {
    const TraceReader reader(files);
    const std::map<std::uint16_t, Decoder> decoders = make_decoders(files, reader);
    const auto mark_id = reader.event_id("gt", "gt_mark");
    if (!mark_id) throw InputError(files.path() + ": the trace has no marks of the snapshots (gt_mark)");
    const TraceField mark_code = reader.field("gt", "gt_mark", "code");
    const TraceField mark_number = reader.field("gt", "gt_mark", "a");

    SlabTraceLog log;
    std::map<std::string, std::uint32_t, std::less<>> names;
    constexpr std::uint64_t unset = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t begin = unset;
    std::uint64_t end = unset;
    for (std::size_t cpu = 0; cpu < reader.cpu_count(); ++cpu)
        reader.for_each(cpu, [&](const RawEvent& raw) {
            if (raw.id == *mark_id) {
                if (mark_code.read(raw.record) != static_cast<std::int64_t>(gt::mark_snapshot)) return;
                (mark_number.read(raw.record) == 0 ? begin : end) = raw.sequence;
                return;
            }
            const auto found = decoders.find(raw.id);
            if (found == decoders.end()) return;
            const Decoder& decoder = found->second;
            if (raw.record.size() < decoder.record_bytes)
                throw InputError(files.path() + ": event " + std::to_string(raw.sequence) +
                                 " is shorter than its format says");
            SlabEvent event;
            event.sequence = raw.sequence;
            event.cpu = static_cast<CpuId>(raw.cpu);
            event.pid = raw.pid;
            event.flags = raw.flags;
            event.kind = decoder.kind;
            const auto read = [&](const std::optional<TraceField>& field, std::int64_t otherwise = 0) {
                return field ? field->read(raw.record) : otherwise;
            };
            event.object = VirtAddr(static_cast<std::uint64_t>(read(decoder.object)));
            event.call_site = VirtAddr(static_cast<std::uint64_t>(read(decoder.call_site)));
            event.bytes_requested = static_cast<std::uint64_t>(read(decoder.requested));
            event.bytes_allocated = static_cast<std::uint64_t>(read(decoder.allocated));
            event.gfp = GfpMask(static_cast<std::uint32_t>(read(decoder.gfp)));
            event.node = static_cast<std::int32_t>(read(decoder.node, -1));
            event.frame = Pfn(static_cast<std::uint64_t>(read(decoder.frame, -1)));
            event.order = static_cast<std::uint8_t>(read(decoder.order));
            if (decoder.name) {
                const std::string name = read_string(raw, *decoder.name);
                const auto [at, added] =
                    names.emplace(name, static_cast<std::uint32_t>(log.cache_names.size()));
                if (added) log.cache_names.push_back(name);
                event.cache = at->second;
            }
            log.events.push_back(event);
        });
    if (begin == unset)
        throw InputError(files.path() + ": the trace has no mark of the first snapshot (gt_mark code=1 a=0)");
    std::erase_if(log.events,
                  [&](const SlabEvent& event) { return event.sequence < begin || event.sequence > end; });
    std::ranges::stable_sort(log.events, {}, &SlabEvent::sequence);
    return log;
}

} // namespace pagewalk::os
