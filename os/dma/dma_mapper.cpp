#include "os/dma/dma_mapper.h"

#include "base/error.h"

#include <algorithm>
#include <bit>
#include <string>

namespace pagewalk::os {

void DmaConfig::declare(OptionGroup os) {
    os.number("swiotlb", swiotlb, {0, 1ULL << 30},
              {Unit::Bytes,
               "bounce buffers below 4 GiB for devices that do not reach all memory, reserved at boot, in "
               "multiples of 256 KiB; 0: none",
               "Linux 6.1 reserves 64 MiB where memory goes beyond 4 GiB"});
}

void DmaConfig::declare_iommu(OptionGroup group) {
    group.choice(
        "mode", iommu,
        {{IommuMode::Off, "off"},
         {IommuMode::Passthrough, "passthrough"},
         {IommuMode::Lazy, "lazy"},
         {IommuMode::Strict, "strict"}},
        {Unit::None,
         "whether the block device is behind an IOMMU, and when what is unmapped leaves the IOTLB: "
         "strict: at once, lazy: after 256 ranges or 10 ms; passthrough: addresses are physical; not "
         "with device.kind = fixed",
         "Linux 6.1: iommu=pt, iommu.strict=; Debian boots with lazy where there is one"});
}

void DmaConfig::validate() const {
    constexpr std::uint64_t least = 2ULL << 20; // a request of the largest size
    if (swiotlb % Swiotlb::segment_bytes != 0 || (swiotlb != 0 && swiotlb < least))
        throw ConfigError("os.swiotlb = " + format_quantity(swiotlb, Unit::Bytes) +
                          ": wants 0 or a multiple of 256KiB from 2MiB on");
}

void DmaStats::declare(StatGroup group) const {
    group.counter("pages_mapped", pages_mapped, "count", "pages mapped for devices (dma_map)");
    group.counter("pages_unmapped", pages_unmapped, "count", "pages unmapped again");
    group.counter("bounced_pages", bounced_pages, "count", "pages that got a bounce buffer of swiotlb");
    group.counter("driver_pages", driver_pages, "count",
                  "pages that drivers copied through pages of ZONE_DMA: swiotlb is beyond the device's mask");
    group.counter("reserve_pages", reserve_pages, "count",
                  "of driver_pages, those from the driver's reserve since ZONE_DMA gave none");
    group.counter("bytes_copied", bytes_copied, "bytes", "copied by CPUs to and from bounce buffers");
    group.counter("refused", refused, "count",
                  "mappings put off until another ends: no bounce buffer, address or page table was free");
    group.gauge("coherent_dma", coherent_dma, "bytes", "dma_alloc_coherent from ZONE_DMA");
    group.gauge("coherent_dma32", coherent_dma32, "bytes", "dma_alloc_coherent from ZONE_DMA32");
    group.gauge("coherent_normal", coherent_normal, "bytes", "dma_alloc_coherent from higher zones");
}

void DmaMapper::declare(StatGroup group) const {
    m_stats.declare(group);
    const StatGroup iommu = group.group("iommu");
    bool any = false;
    for (const Device& device : m_devices) {
        if (device.domain == nullptr) continue;
        device.domain->stats().declare(iommu.group(device.what.name));
        any = true;
    }
    if (!any) m_no_domain.declare(iommu.group("disk"));
}

bool DmaMapper::all_memory_is_reached(const DmaDevice& device) const {
    return std::ranges::all_of(m_frames.allocator().zones(), [&](const auto& zone) {
        return zone->spanned == 0 || device.reaches(zone->end() - 1);
    });
}

DmaMapper::Device::Way DmaMapper::way_of(const DmaDevice& device) const {
    if (m_iommu != nullptr && translates(m_config.iommu)) return Device::Way::Translated;
    if (all_memory_is_reached(device)) return Device::Way::Direct;
    if (device.bits < 32) return Device::Way::DriverPages;
    if (m_swiotlb.pages() != 0) return Device::Way::Swiotlb;
    throw ConfigError("device.dma_bits = " + std::to_string(device.bits) +
                      ": memory ends beyond what the device reaches, and nothing bounces; set os.swiotlb, an "
                      "iommu.mode that translates, or lower machine.memory");
}

void DmaMapper::add_device(Operation& op, const DmaDevice& device, std::uint64_t most_pages,
                           std::size_t cpus) {
    const std::size_t place = index_of(device.id);
    if (place >= m_devices.size()) m_devices.resize(place + 1);
    Device& added = m_devices[place];
    added.what = device;
    added.way = way_of(device);
    added.most_pages = most_pages;
    switch (added.way) {
    case Device::Way::Direct:
        break;
    case Device::Way::Swiotlb:
        added.most_pages = std::min(most_pages, m_swiotlb.pages());
        break;
    case Device::Way::DriverPages:
        fill_reserve(op, added);
        break;
    case Device::Way::Translated:
        added.domain = std::make_unique<IommuDomain>(IommuDomain::Parts{m_frames, m_tables, *m_iommu}, device,
                                                     m_config.iommu, cpus);
        added.domain->attach(op);
        break;
    }
}

std::uint64_t DmaMapper::most_pages(DeviceId device) const { return m_devices[index_of(device)].most_pages; }

void DmaMapper::fill_reserve(Operation& op, Device& device) {
    for (std::uint64_t i = 0; i < device.most_pages; ++i) {
        const auto frame =
            m_frames.allocate(op, {.mask = gfp::kernel | gfp::dma, .purpose = AllocationPurpose::Driver});
        if (!frame)
            throw ConfigError("device.dma_bits = " + std::to_string(device.what.bits) + ": ZONE_DMA has no " +
                              std::to_string(device.most_pages) + " pages for the driver's buffers");
        device.kept.push_back(*frame);
    }
    std::ranges::sort(device.kept);
    device.reserve.assign(device.kept.rbegin(), device.kept.rend());
}

bool DmaMapper::map(Operation& op, DeviceId id, std::span<const Pfn> frames, std::vector<BusPage>& pages) {
    Device& device = at(id);
    pages.clear();
    if (frames.empty()) return true;
    if (device.way == Device::Way::Translated) {
        const auto first = device.domain->map(op, frames);
        if (!first) {
            ++m_stats.refused;
            return false;
        }
        for (std::uint64_t i = 0; i < frames.size(); ++i) pages.push_back(*first + i);
        m_stats.pages_mapped += frames.size();
        return true;
    }
    for (const Pfn frame : frames) {
        op.path.call(KernelFunction::DmaDirectMap);
        if (device.what.reaches(frame)) {
            pages.push_back(untranslated(frame));
            continue;
        }
        const auto buffer = take_buffer(op, device);
        if (!buffer) {
            ++m_stats.refused;
            for (std::size_t i = 0; i < pages.size(); ++i)
                if (pages[i] != untranslated(frames[i])) give_back_buffer(op, device, Pfn(pages[i].value()));
            pages.clear();
            return false;
        }
        copy(op, *buffer, frame);
        pages.push_back(untranslated(*buffer));
    }
    m_stats.pages_mapped += frames.size();
    return true;
}

void DmaMapper::unmap(Operation& op, DeviceId id, DmaDirection direction, std::span<const Pfn> frames,
                      std::span<const BusPage> pages) {
    if (pages.empty()) return;
    Device& device = at(id);
    m_stats.pages_unmapped += pages.size();
    if (device.way == Device::Way::Translated) return device.domain->unmap(op, pages.front(), pages.size());
    for (std::size_t i = 0; i < pages.size(); ++i) {
        op.path.call(KernelFunction::DmaDirectUnmap);
        if (pages[i] == untranslated(frames[i])) continue;
        const Pfn buffer(pages[i].value());
        if (direction == DmaDirection::FromDevice) copy(op, frames[i], buffer);
        give_back_buffer(op, device, buffer);
    }
}

std::optional<Pfn> DmaMapper::take_buffer(Operation& op, Device& device) {
    if (device.way == Device::Way::Swiotlb) {
        const VirtAddr lock = m_frames.addresses().swiotlb_area();
        op.path.acquire(lock);
        op.path.call(KernelFunction::SwiotlbMap);
        op.path.release(lock);
        const auto buffer = m_swiotlb.take();
        if (buffer) ++m_stats.bounced_pages;
        return buffer;
    }
    auto buffer = m_frames.allocate(
        op, {.mask = gfp::nowait | gfp::nowarn | gfp::dma, .purpose = AllocationPurpose::Driver});
    if (buffer) {
        ++m_stats.driver_pages;
        return *buffer;
    }
    if (device.reserve.empty()) return std::nullopt;
    const Pfn kept = device.reserve.back();
    device.reserve.pop_back();
    ++m_stats.driver_pages;
    ++m_stats.reserve_pages;
    return kept;
}

void DmaMapper::give_back_buffer(Operation& op, Device& device, Pfn buffer) {
    if (m_swiotlb.holds(buffer)) {
        const VirtAddr lock = m_frames.addresses().swiotlb_area();
        op.path.acquire(lock);
        op.path.call(KernelFunction::SwiotlbUnmap);
        op.path.release(lock);
        return m_swiotlb.give_back(buffer);
    }
    if (std::ranges::binary_search(device.kept, buffer)) return device.reserve.push_back(buffer);
    m_frames.free(op, buffer, 0);
}

void DmaMapper::copy(Operation& op, Pfn to, Pfn from) {
    op.path.call(KernelFunction::SwiotlbBounce);
    op.path.copy_page(to, from);
    m_stats.bytes_copied += page_size;
}

/// Masks between those of the zones: what is out of reach goes back, and the next lower zone is asked.
std::expected<Pfn, AllocError> DmaMapper::allocate_in_reach(Operation& op, const Device& device,
                                                            unsigned order) {
    const bool translated = device.way == Device::Way::Translated;
    GfpMask zone = translated ? GfpMask() : device.what.zone();
    while (true) {
        const auto frame = m_frames.allocate(
            op, {.mask = gfp::kernel | zone, .order = order, .purpose = AllocationPurpose::Driver});
        if (!frame) return frame;
        if (translated || device.what.reaches(*frame + ((1ULL << order) - 1))) {
            (zone == gfp::dma     ? m_stats.coherent_dma
             : zone == gfp::dma32 ? m_stats.coherent_dma32
                                  : m_stats.coherent_normal) += page_size << order;
            return frame;
        }
        m_frames.free(op, *frame, order);
        if (zone == gfp::dma) return std::unexpected(AllocError::NoMemory);
        zone = zone == gfp::dma32 ? gfp::dma : gfp::dma32;
    }
}

std::expected<DmaMapper::Coherent, AllocError> DmaMapper::allocate_coherent(Operation& op, DeviceId id,
                                                                            std::uint64_t bytes) {
    Device& device = at(id);
    const bool translated = device.way == Device::Way::Translated;
    const auto order = static_cast<unsigned>(std::bit_width((bytes - 1) >> page_shift));
    if (order >= max_order) return std::unexpected(AllocError::OrderTooLarge);
    const auto frame = allocate_in_reach(op, device, order);
    if (!frame) return std::unexpected(frame.error());
    const Coherent memory{address_of(*frame), untranslated(address_of(*frame))};
    if (!translated) return memory;
    std::vector<Pfn> frames;
    for (std::uint64_t i = 0; i < 1ULL << order; ++i) frames.push_back(*frame + i);
    const auto first = device.domain->map(op, frames);
    if (!first) {
        m_frames.free(op, *frame, order);
        return std::unexpected(AllocError::NoMemory);
    }
    return Coherent{memory.memory, address_of(*first)};
}

} // namespace pagewalk::os
