#include "os/replay/page_trace.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <functional>

namespace pagewalk::os {
namespace {

using Setter = void (*)(PageTraceEvent&, std::int64_t);

struct FieldSpec {
    const char* name;
    Setter set;
};

struct EventSpec {
    const char* system;
    const char* name;
    PageEventKind kind;
    std::vector<FieldSpec> fields;
};

void set_frame(PageTraceEvent& event, std::int64_t value) {
    event.frame = Pfn(static_cast<std::uint64_t>(value));
}
void set_order(PageTraceEvent& event, std::int64_t value) { event.order = static_cast<std::uint8_t>(value); }
void set_type(PageTraceEvent& event, std::int64_t value) { event.type = static_cast<std::uint8_t>(value); }
void set_mask(PageTraceEvent& event, std::int64_t value) { event.mask = static_cast<std::uint32_t>(value); }
void set_x(PageTraceEvent& event, std::int64_t value) { event.x = static_cast<std::uint32_t>(value); }
void set_which(PageTraceEvent& event, std::int64_t value) { event.which = static_cast<std::uint16_t>(value); }
void set_node(PageTraceEvent& event, std::int64_t value) { event.node = static_cast<std::int16_t>(value); }
void set_zone(PageTraceEvent& event, std::int64_t value) { event.zone = static_cast<std::int16_t>(value); }
void set_a(PageTraceEvent& event, std::int64_t value) { event.a = value; }
void set_b(PageTraceEvent& event, std::int64_t value) { event.b = value; }

const std::vector<EventSpec>& event_specs() {
    static const std::vector<EventSpec> specs{
        {"kmem",
         "mm_page_alloc",
         PageEventKind::Alloc,
         {{"pfn", set_frame}, {"order", set_order}, {"gfp_flags", set_mask}, {"migratetype", set_type}}},
        {"kmem", "mm_page_free", PageEventKind::Free, {{"pfn", set_frame}, {"order", set_order}}},
        {"kmem", "mm_page_free_batched", PageEventKind::FreeBatched, {{"pfn", set_frame}}},
        {"kmem",
         "mm_page_alloc_zone_locked",
         PageEventKind::ZoneLocked,
         {{"pfn", set_frame}, {"order", set_order}, {"migratetype", set_type}}},
        {"kmem",
         "mm_page_pcpu_drain",
         PageEventKind::PcpuDrain,
         {{"pfn", set_frame}, {"order", set_order}, {"migratetype", set_type}}},
        {"kmem",
         "mm_page_alloc_extfrag",
         PageEventKind::ExtFrag,
         {{"pfn", set_frame},
          {"alloc_order", set_order},
          {"alloc_migratetype", set_type},
          {"fallback_order", set_a},
          {"fallback_migratetype", set_b},
          {"change_ownership", set_x}}},
        {"pagemap", "mm_lru_insertion", PageEventKind::LruInsertion, {{"pfn", set_frame}}},
        {"vmscan", "mm_vmscan_direct_reclaim_begin", PageEventKind::Reclaim, {{"order", set_order}}},
        {"vmscan", "mm_vmscan_kswapd_wake", PageEventKind::KswapdWake, {{"nid", set_node}}},
        {"compaction", "mm_compaction_try_to_compact_pages", PageEventKind::Compact, {{"order", set_order}}},
        {"gt",
         "gt_page",
         PageEventKind::Page,
         {{"pfn", set_frame}, {"which", set_which}, {"order", set_order}, {"x", set_x}}},
        {"gt",
         "gt_zone",
         PageEventKind::Zone,
         {{"which", set_which}, {"nid", set_node}, {"zid", set_zone}, {"a", set_a}, {"b", set_b}}},
        {"gt", "gt_mark", PageEventKind::Mark, {{"code", set_which}, {"a", set_a}, {"b", set_b}}},
    };
    return specs;
}

struct Decoder {
    struct Field {
        TraceField field;
        Setter set;
    };
    PageEventKind kind{};
    std::vector<Field> fields;
};

} // namespace

std::vector<PageTraceEvent> read_page_trace(const CaptureFiles& files) {
    const TraceReader reader(files);
    std::vector<const Decoder*> by_id(1U << 16, nullptr);
    std::vector<std::unique_ptr<Decoder>> decoders;
    for (const EventSpec& spec : event_specs()) {
        const auto id = reader.event_id(spec.system, spec.name);
        if (!id) continue;
        auto decoder = std::make_unique<Decoder>();
        decoder->kind = spec.kind;
        for (const FieldSpec& field : spec.fields)
            decoder->fields.push_back({reader.field(spec.system, spec.name, field.name), field.set});
        by_id[*id] = decoder.get();
        decoders.push_back(std::move(decoder));
    }

    std::vector<PageTraceEvent> events;
    for (std::size_t cpu = 0; cpu < reader.cpu_count(); ++cpu)
        reader.for_each(cpu, [&](const RawEvent& raw) {
            const Decoder* const decoder = by_id[raw.id];
            if (!decoder) return;
            PageTraceEvent event;
            event.sequence = raw.sequence;
            event.pid = raw.pid;
            event.cpu = raw.cpu;
            event.flags = raw.flags;
            event.kind = decoder->kind;
            for (const Decoder::Field& field : decoder->fields) {
                if (field.field.offset + field.field.size > raw.record.size())
                    throw InputError(files.path() + ": event " + std::to_string(raw.sequence) +
                                     " is shorter than its format says");
                field.set(event, field.field.read(raw.record));
            }
            events.push_back(event);
        });
    if (reader.cpu_count() > 1) std::ranges::stable_sort(events, {}, &PageTraceEvent::sequence);

    const auto snapshot_mark = [](std::int64_t number) {
        return [number](const PageTraceEvent& event) {
            return event.kind == PageEventKind::Mark && event.which == gt::mark_snapshot && event.a == number;
        };
    };
    const auto begin = std::ranges::find_if(events, snapshot_mark(0));
    if (begin == events.end())
        throw InputError(files.path() + ": the trace has no mark of the first snapshot (gt_mark code=1 a=0)");
    const auto end = std::find_if(begin, events.end(), snapshot_mark(1));
    return {begin, end};
}

} // namespace pagewalk::os
