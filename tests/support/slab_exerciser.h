#pragma once

#include "os/slab/kmalloc.h"
#include "os/slab/slab.h"
#include "os/slab/slob.h"
#include "os/slab/slub.h"
#include "tests/support/simple_pages.h"

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::os {

/// Drives an object allocator with arbitrary bytes, several CPUs and nodes, and watches its promises: no byte
/// belongs to two live objects, every object lies in pages that are out, a free of a live object is never
/// called misuse and any other free always is, and when everything is freed and destroyed every page has come
/// back.
class SlabExerciser {
public:
    enum class Kind : std::uint8_t { Slub, SlubDebugged, Slab, Slob };

    explicit SlabExerciser(Kind kind) : m_pages(4, 2) {
        KmallocConfig classes;
        switch (kind) {
        case Kind::Slub:
        case Kind::SlubDebugged: {
            SlubConfig config;
            config.parameters.cpus = 4;
            if (kind == Kind::SlubDebugged)
                config.debug = slab_flag::consistency_checks | slab_flag::red_zone | slab_flag::poison |
                               slab_flag::store_user;
            m_allocator = std::make_unique<Slub>(m_pages, config);
            break;
        }
        case Kind::Slab: {
            SlabConfig config;
            config.parameters.cpus = 4;
            m_allocator = std::make_unique<Slab>(m_pages, config);
            classes = KmallocConfig::for_kind(KmallocConfig::Kind::Slab);
            break;
        }
        case Kind::Slob:
            m_allocator = std::make_unique<Slob>(m_pages);
            break;
        }
        m_kmalloc = std::make_unique<Kmalloc>(*m_allocator, classes);
        m_kmalloc_caches = m_allocator->caches().size();
    }

    /// Returns what was broken; empty when nothing was.
    std::string run(std::span<const std::uint8_t> bytes) {
        m_bytes = bytes;
        while (!m_bytes.empty() && m_problem.empty()) step();
        if (m_problem.empty()) finish();
        return m_problem;
    }

private:
    struct Object {
        std::uint64_t bytes = 0;
        KmemCache* cache = nullptr; ///< null: kmalloc
    };

    std::uint32_t next() {
        if (m_bytes.empty()) return 0;
        const std::uint8_t byte = m_bytes.front();
        m_bytes = m_bytes.subspan(1);
        return byte;
    }
    CpuId cpu() { return static_cast<CpuId>(next() % 4); }

    void step() {
        switch (next() % 16) {
        case 0:
            create();
            break;
        case 1:
        case 2:
        case 3:
        case 4:
            allocate_from_cache();
            break;
        case 5:
        case 6:
        case 7:
            kmalloc();
            break;
        case 8:
        case 9:
        case 10:
        case 11:
            free_live();
            break;
        case 12:
            bulk();
            break;
        case 13:
            misuse();
            break;
        case 14:
            maintain();
            break;
        case 15:
            starve();
            break;
        }
    }

    void create() {
        if (m_caches.size() >= 12) return;
        CacheSpec spec;
        spec.name = "cache" + std::to_string(m_created++);
        const std::uint32_t size = next() | next() << 8;
        spec.size = size % 9000;
        spec.align = next() % 4 == 0 ? 1U << (next() % 9) : 0;
        const std::uint32_t choice = next();
        if ((choice & 1) != 0) spec.flags |= slab_flag::hwcache_align;
        if ((choice & 2) != 0) spec.flags |= slab_flag::reclaim_account;
        if ((choice & 4) != 0) spec.flags |= slab_flag::typesafe_by_rcu;
        if ((choice & 8) != 0) spec.constructor = Constructor::Yes;
        if ((choice & 48) == 48) spec.flags |= SlabFlags{1U << (choice >> 6)}; // unknown
        const auto cache = m_allocator->create(spec);
        const bool valid = spec.size != 0 && (choice & 48) != 48;
        if (cache.has_value() != valid && spec.size != 0) problem("creation of " + spec.name + " went wrong");
        if (cache) m_caches.push_back(*cache);
        m_reports = m_allocator->reports().count();
    }

    SlabRequest request() {
        SlabRequest request;
        const std::uint32_t choice = next();
        request.cpu = static_cast<CpuId>(choice & 3);
        if ((choice & 12) == 12) request.node = static_cast<NodeId>(choice >> 4 & 1);
        if ((choice & 64) != 0) request.gfp = gfp::atomic;
        return request;
    }

    void allocate_from_cache() {
        if (m_caches.empty()) return;
        KmemCache& cache = *m_caches[next() % m_caches.size()];
        const auto object = m_allocator->allocate(cache, request());
        if (object) add(*object, {cache.object_size, &cache});
    }

    void kmalloc() {
        const std::uint64_t size = (next() | std::uint64_t{next()} << 8) % 20000;
        const auto object = m_kmalloc->allocate(size, request());
        if (!object) return;
        if (size == 0) {
            if (*object != Kmalloc::zero_size) problem("kmalloc(0) is not ZERO_SIZE_PTR");
            return;
        }
        if (m_kmalloc->usable_size(*object) < size) problem("an object is smaller than was asked for");
        add(*object, {size, nullptr});
    }

    void add(VirtAddr at, Object object) {
        const auto next_object = m_live.lower_bound(at);
        if (next_object != m_live.end() && next_object->first < at + object.bytes)
            problem("object " + pointer_text(at) + " overlaps a live one behind it");
        if (next_object != m_live.begin()) {
            const auto& [before, old] = *std::prev(next_object);
            if (before + old.bytes > at)
                problem("object " + pointer_text(at) + " overlaps a live one before it");
        }
        const std::uint64_t first = (at - kernel_layout::direct_map_base) >> page_shift;
        const std::uint64_t last = (at + (object.bytes - 1) - kernel_layout::direct_map_base) >> page_shift;
        const auto block = m_pages.out.upper_bound(Pfn(first));
        if (block == m_pages.out.begin()) {
            problem("object " + pointer_text(at) + " lies in no page");
        } else {
            const auto& [frame, order] = *std::prev(block);
            if (frame.value() + (1ULL << order) <= last)
                problem("object " + pointer_text(at) + " leaves its pages");
        }
        m_live[at] = object;
    }

    void release(VirtAddr at, const Object& object, CpuId by) {
        if (object.cache == nullptr)
            m_kmalloc->free(at, by);
        else
            m_allocator->free(*object.cache, at, by);
        if (m_allocator->reports().count() != m_reports)
            problem("the free of a live object was reported: " + last_report());
    }

    std::map<VirtAddr, Object>::iterator pick() {
        auto at = m_live.begin();
        std::advance(at, (next() | next() << 8) % m_live.size());
        return at;
    }

    void free_live() {
        if (m_live.empty()) return;
        const auto at = pick();
        release(at->first, at->second, cpu());
        m_live.erase(at);
    }

    void bulk() {
        if (m_caches.empty()) return;
        KmemCache& cache = *m_caches[next() % m_caches.size()];
        std::vector<VirtAddr> objects(1 + next() % 40);
        const std::size_t got = m_allocator->allocate_bulk(cache, request(), objects);
        if (got != 0 && got != objects.size()) problem("a bulk allocation gave some of what was asked for");
        for (std::size_t i = 0; i < got; ++i) add(objects[i], {cache.object_size, &cache});
        if (next() % 2 == 0 && got != 0) {
            for (const VirtAddr object : objects) m_live.erase(object);
            m_allocator->free_bulk(cache, objects, cpu());
            if (m_allocator->reports().count() != m_reports)
                problem("a bulk free was reported: " + last_report());
        }
    }

    void misuse() {
        const CpuId by = cpu();
        const std::uint32_t choice = next() % 4;
        if (choice == 0) {
            m_kmalloc->free(VirtAddr{0xffffc90000001000ULL}, by); // not in the direct map
        } else if (choice == 1) {
            m_kmalloc->free(kernel_layout::direct_map_base + (3 * SimplePages::frames_per_node << page_shift),
                            by);
        } else if (m_live.empty()) {
            return;
        } else {
            const auto at = pick();
            const Object object = at->second;
            if (object.cache != nullptr && object.cache->flags.any(slab_flag::typesafe_by_rcu) &&
                m_allocator->kmalloc_by() == SlabAllocator::KmallocBy::Size)
                return; // checked only after the grace period
            if (object.cache != nullptr && m_allocator->kmalloc_by() == SlabAllocator::KmallocBy::Size &&
                object.cache->size >= page_size)
                return; // SLOB has no record of these
            if (choice == 2) {
                const VirtAddr inside = at->first + 4; // no object starts there
                if (object.cache == nullptr)
                    m_kmalloc->free(inside, by);
                else
                    m_allocator->free(*object.cache, inside, by);
            } else {
                release(at->first, object, by);
                const VirtAddr gone = at->first;
                m_live.erase(at);
                if (object.cache == nullptr)
                    m_kmalloc->free(gone, by);
                else
                    m_allocator->free(*object.cache, gone, by);
            }
        }
        if (m_allocator->reports().count() == m_reports) problem("misuse was not reported");
        m_reports = m_allocator->reports().count();
    }

    void maintain() {
        const std::uint32_t choice = next();
        m_allocator->grace_period_ended(cpu());
        if (m_caches.empty()) return;
        KmemCache& cache = *m_caches[next() % m_caches.size()];
        if (choice % 2 == 0) {
            m_allocator->shrink(cache, cpu());
        } else if (auto* slab = dynamic_cast<Slab*>(m_allocator.get())) {
            slab->reap_all(cpu(), choice % 4 == 1 ? ReapScope::CpuArrays : ReapScope::CpuArraysAndNodes);
        }
    }

    // Memory runs out for a while: nothing may be lost by failing.
    void starve() {
        m_pages.blocks_left = next() % 4;
        for (std::uint32_t i = next() % 32; i != 0; --i)
            (next() & 1) != 0 ? kmalloc() : allocate_from_cache();
        m_pages.blocks_left = 1ULL << 40;
        m_reports = m_allocator->reports().count();
    }

    void finish() {
        for (const auto& [at, object] : m_live) release(at, object, cpu());
        m_live.clear();
        m_allocator->grace_period_ended(CpuId{});
        for (KmemCache* cache : m_caches)
            if (!m_allocator->destroy(*cache))
                problem("a cache without objects could not be destroyed: " + last_report());
        while (m_allocator->caches().size() > 0 && m_problem.empty())
            if (!m_allocator->destroy(*m_allocator->caches().back()))
                problem("a kmalloc cache keeps objects");
        m_allocator->grace_period_ended(CpuId{});
        if (m_pages.bad_frees != 0) problem("pages were freed that were not out");
        if (!m_pages.out.empty()) problem(std::to_string(m_pages.out.size()) + " blocks of pages were lost");
    }

    std::string last_report() const {
        const auto& kept = m_allocator->reports().kept();
        return kept.empty() ? "" : kept.back().text;
    }
    void problem(std::string text) {
        if (m_problem.empty()) m_problem = std::move(text);
    }

    SimplePages m_pages;
    std::unique_ptr<SlabAllocator> m_allocator;
    std::unique_ptr<Kmalloc> m_kmalloc;
    std::size_t m_kmalloc_caches = 0;
    std::span<const std::uint8_t> m_bytes;
    std::vector<KmemCache*> m_caches;
    std::map<VirtAddr, Object> m_live;
    std::uint64_t m_reports = 0;
    unsigned m_created = 0;
    std::string m_problem;
};

} // namespace pagewalk::os
