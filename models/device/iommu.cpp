#include "models/device/iommu.h"

#include "contract/kernel_path.h"

#include <algorithm>
#include <ios>
#include <sstream>

namespace pagewalk::models {

void IommuStats::declare(StatGroup group) const {
    group.counter("translations", translations, "count", "lines that devices moved through the IOMMU");
    group.counter("iotlb_hits", iotlb_hits, "count", "translations that the IOTLB held");
    group.counter("iotlb_misses", iotlb_misses, "count", "translations that wanted a walk");
    group.counter("walk_loads", walk_loads, "count", "entries of page tables read by walks");
    group.counter("invalidations", invalidations, "count", "commands that dropped translations");
    group.counter("faults", faults, "count", "accesses refused since no driver had mapped their page");
    group.histogram("walk_latency", walk_latency, "ps", "from an IOTLB miss to its translation");
}

const IoTranslationCache::Entry* IoTranslationCache::find(DeviceId device, std::uint64_t page) {
    if (m_entries.empty()) return nullptr;
    const auto is_it = [&](const Entry& entry) {
        return entry.valid && entry.page == page && entry.device == device;
    };
    if (is_it(m_entries[m_last])) {
        m_entries[m_last].used = ++m_time;
        return &m_entries[m_last];
    }
    for (std::size_t i = begin_of(page); i < begin_of(page) + m_ways; ++i) {
        if (!is_it(m_entries[i])) continue;
        m_entries[i].used = ++m_time;
        m_last = i;
        return &m_entries[i];
    }
    return nullptr;
}

void IoTranslationCache::insert(DeviceId device, std::uint64_t page, Pfn frame, Tick ready) {
    if (m_entries.empty()) return;
    const auto set = m_entries.begin() + static_cast<std::ptrdiff_t>(begin_of(page));
    const auto victim = std::min_element(set, set + m_ways, [](const Entry& a, const Entry& b) {
        return a.valid != b.valid ? !a.valid : a.used < b.used;
    });
    *victim = {page, device, true, frame, ready, ++m_time};
}

void IoTranslationCache::drop(DeviceId device, std::uint64_t first, std::uint64_t pages) {
    for (Entry& entry : m_entries)
        if (entry.device == device && entry.page - first < pages) entry.valid = false;
}

Iommu::Iommu(const IommuConfig& config, SharedMemory& memory, PageTableMemory& tables)
    : m_config(config), m_memory(memory), m_tables(tables), m_iotlb(config.iotlb_entries, config.ways()),
      m_walk_caches{IoTranslationCache(config.walk_cache_entries, config.walk_cache_entries),
                    IoTranslationCache(config.walk_cache_entries, config.walk_cache_entries),
                    IoTranslationCache(config.walk_cache_entries, config.walk_cache_entries)},
      m_walkers(config.walkers) {}

void Iommu::attach(DeviceId device, Pfn root) {
    if (index_of(device) >= m_roots.size()) m_roots.resize(index_of(device) + 1, no_pfn);
    m_roots[index_of(device)] = root;
}

void Iommu::invalidate(DeviceId device, BusPage first, std::uint64_t pages) {
    ++m_stats.invalidations;
    m_iotlb.drop(device, first.value(), pages);
}

void Iommu::invalidate_all(DeviceId device) {
    ++m_stats.invalidations;
    m_iotlb.drop(device, 0, ~std::uint64_t{0});
    for (IoTranslationCache& cache : m_walk_caches) cache.drop(device, 0, ~std::uint64_t{0});
}

LineResponse Iommu::request(const LineRequest& request) {
    const std::size_t device = index_of(request.requester.device());
    if (device >= m_roots.size() || m_roots[device] == no_pfn) return m_memory.request(request);
    const auto found = translate(request, m_roots[device]);
    if (!found) [[unlikely]]
        return fault(request);
    LineRequest translated = request;
    translated.line = address_of(found->frame) + request.line.page_offset();
    translated.time = std::max(request.time + m_config.latency, found->ready);
    return m_memory.request(translated);
}

std::optional<Iommu::Translation> Iommu::translate(const LineRequest& request, Pfn root) {
    if (++m_stats.translations == m_config.fault_at) [[unlikely]]
        return std::nullopt;
    const DeviceId device = request.requester.device();
    const std::uint64_t page = pfn_of(request.line).value();
    if (const IoTranslationCache::Entry* const entry = m_iotlb.find(device, page)) {
        ++m_stats.iotlb_hits;
        return Translation{entry->frame, entry->ready};
    }
    ++m_stats.iotlb_misses;
    const auto walked = walk(request, root);
    if (!walked) return std::nullopt;
    m_stats.walk_latency.add((walked->ready - request.time).value());
    m_iotlb.insert(device, page, walked->frame, walked->ready);
    return walked;
}

// From the lowest table that a walk cache knows.
std::optional<Iommu::Translation> Iommu::walk(const LineRequest& request, Pfn root) {
    const DeviceId device = request.requester.device();
    const VirtAddr address(request.line.value());
    const auto walker = std::ranges::min_element(m_walkers);
    Translation at{root, std::max(request.time + m_config.latency, *walker)};
    unsigned level = levels;
    for (unsigned known = 2; known <= levels; ++known)
        if (const auto* const entry =
                m_walk_caches[known - 2].find(device, address.value() / level_span(known))) {
            at = {entry->frame, std::max(at.ready, entry->ready)};
            level = known - 1;
            break;
        }
    for (; level >= 1; --level) {
        const std::size_t index = table_index(address, level);
        const PhysAddr place = address_of(at.frame) + index * sizeof(std::uint64_t);
        ++m_stats.walk_loads;
        at.ready = m_memory.request({place.line(), request.requester, AccessKind::Dma, at.ready}).ready;
        const PageTableMemory::Table* const table = m_tables.find(at.frame);
        if (table == nullptr || !(*table)[index].present()) {
            *walker = at.ready;
            return std::nullopt;
        }
        at.frame = (*table)[index].frame();
        if (level > 1)
            m_walk_caches[level - 2].insert(device, address.value() / level_span(level), at.frame, at.ready);
    }
    *walker = at.ready;
    return at;
}

LineResponse Iommu::fault(const LineRequest& request) {
    ++m_stats.faults;
    if (m_faults.size() < most_faults_kept)
        m_faults.push_back({request.requester.device(), request.line, request.kind, request.time});
    return {.ready = no_time};
}

std::string to_string(const IommuFault& fault, std::string_view device) {
    std::ostringstream text;
    text << "IOMMU: the " << device << ' '
         << (fault.kind == AccessKind::WriteBack ? "writes to" : "reads from") << " I/O address 0x"
         << std::hex << fault.line.value() << ", which no driver has mapped: the device is stopped and reset";
    return text.str();
}

} // namespace pagewalk::models
