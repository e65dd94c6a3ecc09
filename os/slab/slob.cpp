#include "os/slab/slob.h"

#include "base/error.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pagewalk::os {
namespace {

constexpr std::uint32_t kmalloc_header = 8; // holds the size; also the least alignment

constexpr std::uint32_t units_of(std::uint32_t bytes) {
    return (bytes + SlobPage::unit_bytes - 1) / SlobPage::unit_bytes;
}

std::uint32_t offset_in(VirtAddr address) { return static_cast<std::uint32_t>(address.page_offset()); }

VirtAddr start_of(const SlobPage& page) {
    return kernel_layout::direct_map(pagewalk::address_of(page.frame));
}

} // namespace

std::expected<VirtAddr, SlabError> Slob::allocate(KmemCache& base, const SlabRequest& request) {
    auto& cache = static_cast<SlobCache&>(base);
    const Growing growing(cache);
    if (cache.size < page_size) {
        const auto object = take(cache.size, cache.align, 0, request);
        if (object) ++cache.live;
        return object;
    }
    m_trace.begin(SlabPath::AllocPages);
    const unsigned order = page_order_of(cache.size);
    const auto frame = m_pages.allocate({request.gfp | cache.page_gfp, order, request.cpu, request.node});
    if (!frame) {
        m_trace.path = SlabPath::Failed;
        return std::unexpected(SlabError::NoMemory);
    }
    cache.large_pages += 1ULL << order;
    ++cache.live;
    return kernel_layout::direct_map(pagewalk::address_of(*frame));
}

std::expected<VirtAddr, SlabError> Slob::allocate_sized(std::uint64_t size, const SlabRequest& request) {
    if (size == 0 || size >= page_size - kmalloc_header) return std::unexpected(SlabError::TooLarge);
    const auto bytes = static_cast<std::uint32_t>(size);
    // Natural alignment is promised for powers of two only.
    const std::uint32_t align = std::has_single_bit(bytes) ? std::max(kmalloc_header, bytes) : kmalloc_header;
    const auto block = take(bytes + kmalloc_header, align, kmalloc_header, request);
    if (!block) return block;
    return *block + kmalloc_header;
}

std::expected<VirtAddr, SlabError> Slob::take(std::uint32_t bytes, std::uint32_t align,
                                              std::uint32_t align_offset, const SlabRequest& request) {
    m_trace.begin(SlabPath::AllocScan);
    m_trace.work(AllocatorWork::SlobAlloc);
    m_trace.lock(m_globals);
    const std::size_t list = list_for(bytes);
    const std::uint32_t units = units_of(bytes);
    SlobPage* page = std::exchange(m_skip_search, false) ? nullptr : m_lists[list].front();
    for (; page != nullptr; page = page->list_next) {
        m_trace.work(AllocatorWork::SlobPage);
        m_trace.load_page(page->frame);
        if (m_config.numa == SlobConfig::Numa::On && request.node != any_node && page->node != request.node)
            continue;
        if (page->free_units < units) continue;
        const auto offset = take_from(*page, bytes, align, align_offset);
        if (!offset) {
            ++m_stats.passed_over;
            continue;
        }
        const bool first = page == m_lists[list].front();
        ++(first ? m_stats.found_first : m_stats.found_later);
        if (page->free_units == 0) {
            delist(*page);
        } else if (!first) {
            ++m_stats.rotations;
            note_neighbours(*page);
            m_lists[list].rotate_to_front(*page);
        }
        m_trace.store_page(page->frame);
        m_trace.unlock(m_globals);
        return start_of(*page) + *offset;
    }
    m_trace.unlock(m_globals);
    m_trace.work(AllocatorWork::SlobNewPage);
    const auto frame = m_pages.allocate({request.gfp.without(gfp::zero), 0, request.cpu, request.node});
    if (!frame) {
        m_trace.path = SlabPath::Failed;
        return std::unexpected(SlabError::NoMemory);
    }
    m_trace.path = SlabPath::AllocNewSlab;
    ++m_trace.slabs_allocated;
    m_trace.lock(m_globals);
    SlobPage& fresh = new_page(*frame);
    fresh.free_units = SlobPage::units_per_page;
    fresh.runs = {{0, SlobPage::units_per_page}};
    enlist(fresh, list);
    const auto offset = take_from(fresh, bytes, align, align_offset);
    PAGEWALK_INVARIANT(offset.has_value());
    if (fresh.free_units == 0) delist(fresh);
    m_trace.store_page(fresh.frame);
    m_trace.unlock(m_globals);
    return start_of(fresh) + *offset;
}

std::optional<std::uint32_t> Slob::take_from(SlobPage& page, std::uint32_t bytes, std::uint32_t align,
                                             std::uint32_t align_offset) {
    const std::uint32_t units = units_of(bytes);
    for (auto run = page.runs.begin(); run != page.runs.end(); ++run) {
        ++m_trace.blocks_scanned;
        const std::uint32_t at = run->offset * SlobPage::unit_bytes;
        m_trace.work(AllocatorWork::SlobBlock);
        m_trace.load(start_of(page) + at);
        // The page's own address is aligned, so offsets align as addresses do.
        const std::uint32_t aligned = (at + align_offset + align - 1) / align * align - align_offset;
        const std::uint32_t gap = (aligned - at) / SlobPage::unit_bytes;
        if (run->units < units + gap) continue;
        const auto taken = static_cast<std::uint16_t>(run->offset + gap);
        // The block before this one now leads to what is left of it.
        if (run != page.runs.begin())
            m_trace.store(start_of(page) + (run - 1)->offset * SlobPage::unit_bytes);
        const SlobRun behind{static_cast<std::uint16_t>(taken + units),
                             static_cast<std::uint16_t>(run->units - gap - units)};
        if (behind.units != 0) m_trace.store(start_of(page) + behind.offset * SlobPage::unit_bytes);
        if (gap != 0) {
            run->units = static_cast<std::uint16_t>(gap);
            if (behind.units != 0) page.runs.insert(run + 1, behind);
        } else if (behind.units != 0) {
            *run = behind;
        } else {
            page.runs.erase(run);
        }
        page.free_units -= units;
        const std::uint32_t offset = taken * SlobPage::unit_bytes;
        page.block_bytes[offset / SlobPage::start_bytes] = static_cast<std::uint16_t>(bytes);
        return offset;
    }
    return std::nullopt;
}

void Slob::free(KmemCache& cache, VirtAddr object, CpuId cpu) {
    if (cache.flags.any(slab_flag::typesafe_by_rcu)) {
        m_trace.begin(SlabPath::FreeDeferred);
        m_trace.store(object);
        m_rcu_objects.push_back({&cache, object});
        return;
    }
    free_now(cache, object, cpu);
}

void Slob::grace_period_ended(CpuId cpu) {
    for (const Deferred& each : std::exchange(m_rcu_objects, {})) free_now(*each.cache, each.object, cpu);
    SlabAllocator::grace_period_ended(cpu);
}

void Slob::free_now(KmemCache& base, VirtAddr object, CpuId cpu) {
    auto& cache = static_cast<SlobCache&>(base);
    if (cache.size >= page_size) {
        m_trace.begin(SlabPath::FreePages);
        const unsigned order = page_order_of(cache.size);
        cache.large_pages -= 1ULL << order;
        --cache.live;
        m_pages.free(Pfn((object - kernel_layout::direct_map_base) >> page_shift), order, cpu);
        return;
    }
    SlobPage* page = page_of(object);
    if (page == nullptr) {
        report(SlabFault::NotSlab, Noticed::BySimulatorOnly, &cache, object,
               "kmem_cache_free: object " + pointer_text(object) + " of " + cache.name +
                   " is not in a slob page\n");
        return;
    }
    const std::uint32_t offset = offset_in(object);
    std::uint16_t& known = page->block_bytes[offset / SlobPage::start_bytes];
    if (offset % SlobPage::start_bytes != 0 || (known != cache.size && !page->inherited)) {
        // SLOB trusts its callers.
        report(known == 0 ? SlabFault::DoubleFree : SlabFault::WrongCache, Noticed::BySimulatorOnly, &cache,
               object,
               "kmem_cache_free: " + pointer_text(object) + " is not an object of " + cache.name + "\n");
        return;
    }
    known = 0;
    if (cache.live != 0) --cache.live;
    give_back(*page, offset, cache.size, cpu);
}

bool Slob::free_sized(VirtAddr object, CpuId cpu) {
    SlobPage* page = page_of(object);
    if (page == nullptr) return false;
    const std::uint32_t at = offset_in(object);
    const bool aligned = at >= kmalloc_header && at % SlobPage::start_bytes == 0;
    const std::uint32_t offset = at - kmalloc_header;
    const std::uint16_t bytes = aligned ? page->block_bytes[offset / SlobPage::start_bytes] : 0;
    if (bytes == 0) {
        report(aligned ? SlabFault::DoubleFree : SlabFault::InvalidPointer, Noticed::BySimulatorOnly, nullptr,
               object, "kfree: " + pointer_text(object) + " is not an allocated object\n");
        return true;
    }
    page->block_bytes[offset / SlobPage::start_bytes] = 0;
    give_back(*page, offset, bytes, cpu);
    return true;
}

void Slob::give_back(SlobPage& page, std::uint32_t offset_bytes, std::uint32_t bytes, CpuId cpu) {
    m_trace.begin(SlabPath::FreeBlock);
    m_trace.work(AllocatorWork::SlobFree);
    m_trace.lock(m_globals);
    const std::uint32_t units = units_of(bytes);
    const auto offset = static_cast<std::uint16_t>(offset_bytes / SlobPage::unit_bytes);
    if (page.free_units + units == SlobPage::units_per_page) {
        if (page.list != SlobPage::off_list) delist(page);
        ++m_stats.pages_freed;
        ++m_trace.slabs_freed;
        m_frames.set(page.frame, 1, nullptr);
        m_pool.push_back(&page);
        m_trace.unlock(m_globals);
        m_pages.free(page.frame, 0, cpu);
        return;
    }
    page.free_units += units;
    const auto next = std::ranges::lower_bound(page.runs, offset, {}, &SlobRun::offset);
    m_trace.blocks_scanned += static_cast<std::uint32_t>(next - page.runs.begin()) + 1;
    if (m_trace.recording()) {
        m_trace.work(AllocatorWork::SlobBlock, static_cast<std::uint32_t>(next - page.runs.begin()) + 1);
        for (auto run = page.runs.begin(); run != next; ++run)
            m_trace.load(start_of(page) + run->offset * SlobPage::unit_bytes);
        if (next != page.runs.begin())
            m_trace.store(start_of(page) + (next - 1)->offset * SlobPage::unit_bytes);
        if (next != page.runs.end()) m_trace.load(start_of(page) + next->offset * SlobPage::unit_bytes);
        m_trace.store(start_of(page) + offset_bytes);
        m_trace.store_page(page.frame);
    }
    const bool joins_next = next != page.runs.end() && offset + units == next->offset;
    const bool joins_previous =
        next != page.runs.begin() && (next - 1)->offset + std::uint32_t{(next - 1)->units} == offset;
    if (joins_previous && joins_next) {
        (next - 1)->units = static_cast<std::uint16_t>((next - 1)->units + units + next->units);
        page.runs.erase(next);
    } else if (joins_previous) {
        (next - 1)->units = static_cast<std::uint16_t>((next - 1)->units + units);
    } else if (joins_next) {
        *next = {offset, static_cast<std::uint16_t>(next->units + units)};
    } else {
        page.runs.insert(next, {offset, static_cast<std::uint16_t>(units)});
    }
    if (page.list == SlobPage::off_list) enlist(page, list_for(bytes));
    m_trace.unlock(m_globals);
}

SlobPage& Slob::new_page(Pfn frame) {
    if (m_pool.empty()) {
        m_pages_made.push_back(std::make_unique<SlobPage>());
        m_pool.push_back(m_pages_made.back().get());
    }
    SlobPage& page = *m_pool.back();
    m_pool.pop_back();
    page.frame = frame;
    page.node = m_pages.node_of(frame);
    page.list = SlobPage::off_list;
    page.free_units = 0;
    page.runs.clear();
    page.block_bytes.fill(0);
    page.inherited = false;
    m_frames.set(frame, 1, &page);
    ++m_stats.pages_taken;
    return page;
}

SlobPage& Slob::restore_page(Pfn frame, std::size_t list, std::vector<SlobRun> runs) {
    SlobPage& page = new_page(frame);
    page.inherited = true;
    for (const SlobRun& run : runs) page.free_units += run.units;
    page.runs = std::move(runs);
    if (list != SlobPage::off_list) {
        page.list = list;
        m_lists[list].push_back(page);
    }
    return page;
}

void Slob::enlist(SlobPage& page, std::size_t list) {
    page.list = list;
    m_lists[list].push_front(page);
    note_neighbours(page);
}

// The lists run through the struct pages; their heads lie behind the lock.
void Slob::note_neighbours(const SlobPage& page) {
    if (!m_trace.recording()) return;
    const VirtAddr head = m_globals + line_size + page.list * 2 * word_bytes;
    for (const SlobPage* each : {page.list_prev, page.list_next})
        m_trace.store(each == nullptr ? head : kernel_layout::struct_page(each->frame));
}

void Slob::delist(SlobPage& page) {
    note_neighbours(page);
    m_lists[page.list].remove(page);
    page.list = SlobPage::off_list;
}

void Slob::correct(VirtAddr predicted, VirtAddr actual, std::uint64_t size, CpuId cpu) {
    (void)free_sized(predicted, cpu);
    SlobPage* page = page_of(actual);
    if (page == nullptr || actual.page_offset() < kmalloc_header) return;
    const auto bytes = static_cast<std::uint32_t>(size) + kmalloc_header;
    const std::uint32_t start = (offset_in(actual) - kmalloc_header) / SlobPage::unit_bytes;
    const std::uint32_t end = start + units_of(bytes);
    const auto run = std::ranges::find_if(page->runs, [&](const SlobRun& each) {
        return each.offset <= start && end <= each.offset + std::uint32_t{each.units};
    });
    if (run == page->runs.end()) return;
    const std::uint32_t run_end = run->offset + std::uint32_t{run->units};
    const auto before = static_cast<std::uint16_t>(start - run->offset);
    const SlobRun behind{static_cast<std::uint16_t>(end), static_cast<std::uint16_t>(run_end - end)};
    run->units = before;
    if (behind.units != 0) page->runs.insert(run + 1, behind);
    std::erase_if(page->runs, [](const SlobRun& each) { return each.units == 0; });
    page->free_units -= units_of(bytes);
    page->block_bytes[start * SlobPage::unit_bytes / SlobPage::start_bytes] =
        static_cast<std::uint16_t>(bytes);
    if (page->free_units == 0 && page->list != SlobPage::off_list) delist(*page);
}

SlobPage* Slob::page_of(VirtAddr object) const {
    if (object < kernel_layout::direct_map_base || object >= kernel_layout::vmalloc_base) return nullptr;
    return m_frames.find(Pfn((object - kernel_layout::direct_map_base) >> page_shift));
}

std::uint64_t Slob::usable_size(VirtAddr object) const {
    const SlobPage* page = page_of(object);
    const std::uint32_t at = offset_in(object);
    if (page == nullptr || at < kmalloc_header || at % SlobPage::start_bytes != 0) return 0;
    const std::uint32_t bytes = page->block_bytes[(at - kmalloc_header) / SlobPage::start_bytes];
    return bytes == 0 ? 0 : units_of(bytes - kmalloc_header) * SlobPage::unit_bytes;
}

CacheUsage Slob::usage(const KmemCache& cache) const {
    CacheUsage usage;
    usage.active_objects = usage.objects = cache.live;
    return usage;
}

std::expected<std::unique_ptr<KmemCache>, GeometryError> Slob::open(const CacheSpec& spec,
                                                                    std::uint32_t align) {
    const SlabFlags flags = spec.flags.without(slab_flag::debugging);
    auto cache = std::make_unique<SlobCache>();
    cache->name = spec.name;
    cache->object_size = static_cast<std::uint32_t>(spec.size);
    cache->size = slob_object_size({cache->object_size, align, flags, spec.constructor});
    cache->align = align;
    cache->flags = flags;
    cache->constructor = spec.constructor;
    cache->usersize = spec.usersize;
    cache->page_gfp = page_gfp_of(flags);
    return cache;
}

} // namespace pagewalk::os
