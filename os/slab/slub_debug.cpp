#include "os/slab/slub.h"

#include <cctype>
#include <cstdio>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint16_t none = SlubSlab::none;
constexpr std::uint64_t hex_row_bytes = 16;

std::string hex_byte(std::uint8_t value) {
    char text[8];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

// The kernel's hex dump: address, 16 bytes, the same as characters.
void append_dump(std::string& text, std::string_view label, VirtAddr slab_start, std::uint64_t offset,
                 std::uint64_t bytes, std::uint8_t expected, const ObjectDamage* damage) {
    for (std::uint64_t row = 0; row < bytes; row += hex_row_bytes) {
        char address[24];
        std::snprintf(address, sizeof address, "%016llx",
                      static_cast<unsigned long long>((slab_start + offset + row).value()));
        text += std::string(label) + address + ":";
        std::string characters;
        for (std::uint64_t i = row; i < row + hex_row_bytes; ++i) {
            if (i >= bytes) {
                text += "   ";
                continue;
            }
            const std::uint8_t value = damage == nullptr ? expected : damage->at(offset + i, expected);
            char byte[8];
            std::snprintf(byte, sizeof byte, " %02x", value);
            text += byte;
            characters += std::isprint(value) != 0 ? static_cast<char>(value) : '.';
        }
        text += "  " + characters + "\n";
    }
}

} // namespace

Slub::Taken Slub::take_debugged(SlubCache& cache, const SlabRequest& request) {
    const NodeId node_id = request.node == any_node ? m_pages.node_of(request.cpu) : request.node;
    m_trace.begin(SlabPath::AllocNodePartial);
    m_trace.work(AllocatorWork::AllocSlow);
    const auto take_first = [&](SlubSlab& slab) -> Taken {
        const std::uint16_t object = slab.freelist;
        m_trace.work(AllocatorWork::CheckObject);
        m_trace.load(link_of(slab, object));
        m_trace.store_page(slab.frame);
        slab.freelist = slab.next[object];
        ++slab.inuse;
        if (cache.flags.any(slab_flag::consistency_checks) &&
            !check_object(slab, object, ObjectState::Free)) {
            // The kernel gives the slab up: nothing in it is trusted any more.
            slab.inuse = slab.objects;
            slab.freelist = none;
            return {};
        }
        initialise(slab, object);
        if (slab.tracks) {
            slab.tracks[object].allocated_by = request.caller;
            slab.tracks[object].cpu = m_pages.current_cpu(request.cpu);
        }
        return {&slab, object};
    };
    const auto take_on = [&](NodeId id) -> Taken {
        SlubNode& node = cache.nodes[id];
        if (node.partial.empty()) return {};
        m_trace.work(AllocatorWork::GetPartial);
        m_trace.lock(cache.places.node(id));
        Taken taken;
        for (SlubSlab* slab = node.partial.front(); slab != nullptr && taken.slab == nullptr;) {
            SlubSlab& each = *std::exchange(slab, slab->list_next);
            taken = take_first(each);
            if (each.inuse == each.objects) remove_partial(each);
        }
        m_trace.unlock(cache.places.node(id));
        return taken;
    };
    if (const Taken taken = take_on(node_id); taken.slab != nullptr) return taken;
    if (request.node == any_node)
        for (const NodeId id : m_pages.fallback_order(node_id))
            if (id != node_id && cache.nodes[id].partial.size() > cache.geometry.min_partial)
                if (const Taken taken = take_on(id); taken.slab != nullptr) return taken;
    SlubSlab* slab = new_slab(cache, request);
    if (slab == nullptr) return {};
    m_trace.path = SlabPath::AllocNewSlab;
    const Taken taken = take_first(*slab);
    if (slab->inuse != slab->objects) {
        m_trace.lock(cache.places.node(slab->node));
        add_partial(*slab, false);
        m_trace.unlock(cache.places.node(slab->node));
    }
    return taken;
}

void Slub::free_debugged(SlubSlab& slab, std::uint16_t object, CpuId cpu) {
    SlubCache& cache = *slab.cache;
    const VirtAddr lock = cache.places.node(slab.node);
    m_trace.work(AllocatorWork::FreeSlow);
    m_trace.lock(lock);
    m_trace.work(AllocatorWork::CheckObject);
    m_trace.store_page(slab.frame);
    if (cache.flags.any(slab_flag::consistency_checks) && !check_object(slab, object, ObjectState::Active)) {
        slab.mark_allocated(object); // not freed
        ++cache.live;
        m_trace.unlock(lock);
        return;
    }
    if (slab.tracks) slab.tracks[object].cpu = cpu;
    initialise(slab, object);
    const bool was_full = slab.freelist == none;
    slab.next[object] = slab.freelist;
    slab.freelist = object;
    --slab.inuse;
    const bool discarded =
        slab.inuse == 0 && cache.nodes[slab.node].partial.size() >= cache.geometry.min_partial;
    if (discarded && slab.on_partial) remove_partial(slab);
    if (!discarded && was_full) {
        m_trace.path = SlabPath::FreePartial;
        add_partial(slab, true);
    }
    m_trace.unlock(lock);
    if (!discarded) return;
    m_trace.path = SlabPath::FreeDiscard;
    discard(slab, cpu);
}

// The kernel fills object and guards with their patterns: what was written there is gone.
void Slub::initialise(SlubSlab& slab, std::uint32_t object) {
    if (!slab.damage) return;
    const SlubGeometry& geometry = slab.cache->geometry;
    const std::uint64_t start = std::uint64_t{object} * geometry.size;
    slab.damage->forget(start, geometry.red_left_pad + geometry.inuse);
}

bool Slub::check_object(SlubSlab& slab, std::uint32_t object, ObjectState state) {
    if (!slab.damage) return true;
    const SlubCache& cache = *slab.cache;
    const std::uint64_t at = std::uint64_t{object} * cache.size + cache.geometry.red_left_pad;
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(slab.frame));
    for (const GuardArea& area : guard_areas(cache.geometry, cache.flags, cache.constructor, state)) {
        const std::uint64_t from = at + static_cast<std::uint64_t>(area.start);
        const auto finding = slab.damage->find(from, area.length, area.value);
        if (!finding) continue;
        const std::string range =
            pointer_text(start + finding->first) + "-" + pointer_text(start + finding->last);
        const std::string detail = range + " @offset=" + std::to_string(finding->first) + ". First byte " +
                                   hex_byte(finding->value) + " instead of " + hex_byte(area.value) + "\n";
        const std::string name(area.name);
        std::string text = object_report(slab, object, name + " overwritten", state, detail);
        text += "FIX " + cache.name + ": Restoring " + name + " " + range + "=" + hex_byte(area.value) + "\n";
        text += state == ObjectState::Free ? "FIX " + cache.name + ": Marking all objects used\n"
                                           : "FIX " + cache.name + ": Object at " +
                                                 pointer_text(address_of(slab, object)) + " not freed\n";
        slab.damage->forget(finding->first, finding->last - finding->first + 1);
        report(area.red_zone ? SlabFault::RedZoneDamage : SlabFault::PoisonDamage, Noticed::ByKernel, &cache,
               address_of(slab, object), std::move(text));
        return false;
    }
    return true;
}

void Slub::note_write(VirtAddr address, std::uint64_t bytes, std::uint8_t value) {
    const KmemCache* cache = cache_of(address);
    if (cache == nullptr || !cache->flags.any(slab_flag::red_zone | slab_flag::poison)) return;
    SlubSlab& slab = *m_frames.find(Pfn((address - kernel_layout::direct_map_base) >> page_shift));
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(slab.frame));
    const std::uint64_t slab_bytes = page_size << slab.order;
    const std::uint64_t offset = address - start;
    if (!slab.damage) slab.damage = std::make_unique<ObjectDamage>();
    slab.damage->write(offset, std::min(bytes, slab_bytes - offset), value);
}

std::string Slub::slab_line(const SlubSlab& slab) const {
    const VirtAddr first_free = slab.freelist == none ? VirtAddr{} : address_of(slab, slab.freelist);
    return "Slab " + pointer_text(kernel_layout::struct_page(slab.frame)) +
           " objects=" + std::to_string(slab.objects) + " used=" + std::to_string(slab.inuse) +
           " fp=" + pointer_text(first_free) + "\n";
}

std::string Slub::object_report(const SlubSlab& slab, std::uint32_t object, const std::string& what,
                                ObjectState state, const std::string& detail) const {
    const SlubCache& cache = *slab.cache;
    const SlubGeometry& geometry = cache.geometry;
    const VirtAddr start = kernel_layout::direct_map(pagewalk::address_of(slab.frame));
    const std::uint64_t at = std::uint64_t{object} * cache.size + geometry.red_left_pad;
    std::string text = "=============================================================================\n"
                       "BUG " +
                       cache.name + " (Not tainted): " + what +
                       "\n-----------------------------------------------------------------------------\n\n" +
                       detail;
    if (slab.tracks && object < slab.objects) {
        const ObjectTrack& track = slab.tracks[object];
        if (track.allocated_by != VirtAddr{})
            text += "Allocated in " + pointer_text(track.allocated_by) +
                    " cpu=" + std::to_string(index_of(track.cpu)) + "\n";
    }
    text += slab_line(slab);
    const VirtAddr next_free = state == ObjectState::Free && slab.next[object] != none
                                   ? address_of(slab, slab.next[object])
                                   : VirtAddr{};
    text += "Object " + pointer_text(start + at) + " @offset=" + std::to_string(at) +
            " fp=" + pointer_text(next_free) + "\n\n";
    for (const GuardArea& area : guard_areas(geometry, cache.flags, cache.constructor, state)) {
        const std::string_view label = area.red_zone               ? "Redzone  "
                                       : area.name == "Poison"     ? "Object   "
                                       : area.name == "End Poison" ? "Object   "
                                                                   : "Padding  ";
        append_dump(text, label, start, at + static_cast<std::uint64_t>(area.start), area.length, area.value,
                    slab.damage.get());
    }
    return text;
}

void Slub::report_object(SlabFault fault, Noticed noticed, const SlubSlab& slab, std::uint32_t object,
                         const std::string& what, const std::string& detail, const std::string& fix) {
    std::string text = object_report(slab, object, what, ObjectState::Free, detail);
    if (!fix.empty()) text += "FIX " + slab.cache->name + ": " + fix + "\n";
    report(fault, noticed, slab.cache, address_of(slab, object), std::move(text));
}

} // namespace pagewalk::os
