#include "os/vmalloc/vmalloc_blocks.h"

#include "base/error.h"

#include <algorithm>
#include <bit>

namespace pagewalk::os {
namespace {

/// VMAP_BBMAP_BITS: at least 16 blocks for each CPU the kernel was built for in 128 GiB, within limits.
std::uint64_t pages_of_a_block(std::size_t configured_cpus) {
    constexpr std::uint64_t space_pages = (128ULL << 30) / page_size;
    constexpr std::uint64_t most = 1024;
    constexpr std::uint64_t least = VmapBlocks::most_pages * 2;
    return std::min(most, std::max(least, space_pages / std::bit_ceil(configured_cpus) / 16));
}

} // namespace

VmapBlocks::VmapBlocks(VmapSpace& space, VmallocObjects& objects, std::size_t cpus,
                       std::size_t configured_cpus, VmallocTrace& trace)
    : m_space(space), m_objects(objects), m_trace(trace), m_block_pages(pages_of_a_block(configured_cpus)),
      m_queues(cpus) {}

std::optional<VirtAddr> VmapBlocks::allocate(std::uint64_t pages, const SlabRequest& request) {
    PAGEWALK_INVARIANT(pages != 0 && pages <= most_pages);
    pages = std::bit_ceil(pages);
    LinkedList<VmapBlock>& queue = m_queues[request.cpu];
    for (VmapBlock* block = queue.front(); block != nullptr; block = block->list_next) {
        m_trace.acquire(block->object);
        if (block->free < pages) {
            m_trace.release(block->object);
            continue;
        }
        const VirtAddr address = block->area->start + (m_block_pages - block->free) * page_size;
        block->free -= pages;
        if (block->free == 0) dequeue(*block);
        m_trace.release(block->object);
        return address;
    }
    return open(pages, request);
}

std::optional<VirtAddr> VmapBlocks::open(std::uint64_t pages, const SlabRequest& request) {
    const std::uint64_t bytes = m_block_pages * page_size;
    SlabRequest objects = request;
    objects.gfp = objects.gfp & reclaim_mask;
    const auto object = m_objects.allocate(VmapBlock::object_bytes, objects);
    if (!object) return std::nullopt;
    const auto area = m_space.allocate({.size = bytes, .align = bytes, .objects = request});
    if (!area) {
        m_objects.free(*object, request.cpu);
        return std::nullopt;
    }
    auto block = std::make_unique<VmapBlock>();
    block->area = *area;
    block->object = *object;
    block->cpu = m_objects.current_cpu(request.cpu);
    block->free = m_block_pages - pages;
    block->dirty_min = m_block_pages;
    const VirtAddr queue_lock = m_trace.places().block_queues[block->cpu];
    m_trace.acquire(queue_lock);
    m_queues[block->cpu].push_back(*block);
    block->queued = true;
    m_trace.release(queue_lock);
    const VirtAddr start = (*area)->start;
    m_blocks.emplace(start, std::move(block));
    return start;
}

void VmapBlocks::dequeue(VmapBlock& block) {
    const VirtAddr queue_lock = m_trace.places().block_queues[block.cpu];
    m_trace.acquire(queue_lock);
    m_queues[block.cpu].remove(block);
    block.queued = false;
    m_trace.release(queue_lock);
}

VmapSpace::DrainDue VmapBlocks::close(VmapBlock& block, CpuId cpu) {
    PAGEWALK_INVARIANT(!block.queued);
    const VirtAddr start = block.area->start;
    const auto due = m_space.free_lazily(*block.area, cpu);
    // After a grace period in the kernel; nothing refers to it before.
    m_objects.free(block.object, cpu);
    m_blocks.erase(start);
    return due;
}

VmapSpace::DrainDue VmapBlocks::free(VirtAddr address, std::uint64_t pages, CpuId cpu) {
    const auto found = m_blocks.find(base_of(address));
    PAGEWALK_INVARIANT(found != m_blocks.end() && pages != 0 && pages <= most_pages);
    VmapBlock& block = *found->second;
    pages = std::bit_ceil(pages);
    const std::uint64_t first = (address - block.area->start) >> page_shift;
    m_trace.acquire(block.object);
    block.dirty_min = std::min(block.dirty_min, first);
    block.dirty_max = std::max(block.dirty_max, first + pages);
    block.dirty += pages;
    PAGEWALK_INVARIANT(block.dirty + block.free <= m_block_pages);
    m_trace.release(block.object);
    return block.dirty == m_block_pages ? close(block, cpu) : VmapSpace::DrainDue::No;
}

bool VmapBlocks::contains(VirtAddr address) const { return find(address) != nullptr; }

const VmapBlock* VmapBlocks::find(VirtAddr address) const {
    const auto found = m_blocks.find(base_of(address));
    return found == m_blocks.end() ? nullptr : found->second.get();
}

void VmapBlocks::purge_fragmented(CpuId cpu) {
    std::vector<VmapBlock*> fragmented;
    for (std::size_t i = 0; i < m_queues.size(); ++i) {
        fragmented.clear();
        const auto owner = static_cast<CpuId>(i);
        for (VmapBlock* block = m_queues[owner].front(); block != nullptr;) {
            VmapBlock* const next = block->list_next;
            if (block->free + block->dirty == m_block_pages && block->dirty != m_block_pages) {
                m_trace.acquire(block->object);
                block->free = 0;
                block->dirty = block->dirty_max = m_block_pages;
                block->dirty_min = 0;
                dequeue(*block);
                m_trace.release(block->object);
                fragmented.push_back(block);
            }
            block = next;
        }
        // A purge follows whatever the number of pages.
        for (VmapBlock* block : fragmented) static_cast<void>(close(*block, cpu));
    }
}

bool VmapBlocks::add_dirty_range(VirtAddr& start, VirtAddr& end) {
    bool found = false;
    for (const LinkedList<VmapBlock>& queue : m_queues)
        for (const VmapBlock* block = queue.front(); block != nullptr; block = block->list_next) {
            m_trace.acquire(block->object);
            if (block->dirty != 0 && block->dirty != m_block_pages) {
                start = std::min(start, block->area->start + block->dirty_min * page_size);
                end = std::max(end, block->area->start + block->dirty_max * page_size);
                found = true;
            }
            m_trace.release(block->object);
        }
    return found;
}

} // namespace pagewalk::os
