#include "os/replay/object_replay.h"

#include "base/error.h"
#include "contract/kernel_layout.h"
#include "os/replay/capture_files.h"
#include "os/replay/page_snapshot.h"
#include "os/replay/slab_events.h"
#include "os/replay/traced_pages.h"
#include "os/slab/kmalloc.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t slob_header = 8;

Pfn frame_of(VirtAddr object) { return Pfn((object - kernel_layout::direct_map_base) >> page_shift); }

bool in_direct_map(VirtAddr object) {
    return object >= kernel_layout::direct_map_base && object < kernel_layout::vmalloc_base;
}

// A round of SLAB's periodic reaping that freed no page, and so left no event.
struct SilentReap {
    std::size_t before_event = 0;
    CpuId cpu{};
};

class ObjectReplay {
public:
    ObjectReplay(const CaptureFiles& files, const ObjectReplayOptions& options,
                 std::vector<SilentReap> silent_reaps)
        : m_options(options), m_silent_reaps(std::move(silent_reaps)),
          m_machine(PageSnapshot::parse(files.read("snapA"), files.path() + ": snapA")), m_pages(m_machine),
          m_before(SlabImage::parse(files.read("snapA"), files.path() + ": snapA")),
          m_log(read_slab_events(files)) {
        if (files.contains("snapB"))
            m_after = SlabImage::parse(files.read("snapB"), files.path() + ": snapB");
        m_report.capture = files.path();
        m_report.allocator = m_before.kind;
        m_report.events = m_log.events.size();
        m_report.cpus = m_before.cpus;
    }

    ObjectReplayReport run() {
        reveal_remote_frees();
        build();
        if (m_options.prepare) m_options.prepare(*m_allocator);
        look_ahead();
        for (std::size_t i = 0; i < m_log.events.size(); ++i) {
            for (const SilentReap& each : m_silent_reaps)
                if (each.before_event == i) {
                    note("rounds of reaping inferred from what they left");
                    reap(each.cpu);
                }
            step(i);
        }
        if (m_after) compare();
        note("page requests with the kernel's mask", m_pages.same_mask());
        note("page requests with another mask", m_pages.other_mask());
        note("page requests that the kernel did not make", m_pages.without_offer());
        note("frames given back when the kernel did", m_pages.frees_seen());
        note("frames given back that the kernel kept", m_pages.frees_missing());
        note("misuse seen", m_allocator->reports().count());
        return std::move(m_report);
    }

private:
    void build() {
        KmallocConfig classes;
        const auto has_cache = [&](const char* name) {
            const auto named = [&](const auto& cache) { return cache.name == name; };
            return std::ranges::any_of(m_before.slub, named) || std::ranges::any_of(m_before.slab, named);
        };
        classes.smallest = has_cache("kmalloc-8") ? 8 : 32;
        classes.cgroups = has_cache("kmalloc-cg-64") ? KmallocConfig::Option::On : KmallocConfig::Option::Off;
        classes.dma_zone =
            has_cache("dma-kmalloc-64") ? KmallocConfig::Option::On : KmallocConfig::Option::Off;
        m_classes.emplace(classes);
        switch (m_before.kind) {
        case AllocatorKind::Slub: {
            auto slub = std::make_unique<Slub>(m_pages, SlubConfig{});
            restore(m_before, *slub);
            slub->choose_starts([this](const SlubCache& cache, Pfn frame) { return start_of(cache, frame); });
            m_slub = slub.get();
            m_allocator = std::move(slub);
            break;
        }
        case AllocatorKind::Slab: {
            SlabConfig config;
            // Node-exact requests are only made by kernels that know nodes; their zones include Normal's
            // siblings.
            config.numa = has_cache("numa_policy") ? SlabConfig::Numa::On : SlabConfig::Numa::Off;
            auto slab = std::make_unique<Slab>(m_pages, config);
            restore(m_before, *slab);
            m_slab = slab.get();
            m_allocator = std::move(slab);
            break;
        }
        case AllocatorKind::Slob: {
            SlobConfig config;
            config.numa = m_before.nodes > 1 ? SlobConfig::Numa::On : SlobConfig::Numa::Off;
            auto slob = std::make_unique<Slob>(m_pages, config);
            restore(m_before, *slob);
            m_slob = slob.get();
            m_allocator = std::move(slob);
            break;
        }
        }
    }

    // kmem_cache_alloc does not name its cache; the free of the same object does.
    void look_ahead() {
        std::unordered_map<VirtAddr, std::uint32_t> freed_to;
        m_named.assign(m_log.events.size(), no_name);
        for (std::size_t i = m_log.events.size(); i-- != 0;) {
            const SlabEvent& event = m_log.events[i];
            if (event.kind == SlabEventKind::CacheFree) freed_to[event.object] = event.cache;
            if (event.kind != SlabEventKind::CacheAlloc) continue;
            if (const auto found = freed_to.find(event.object); found != freed_to.end()) {
                m_named[i] = found->second;
                m_site_cache[event.call_site] = m_log.cache_names[found->second];
                freed_to.erase(found);
            }
        }
    }

    // A snapshot does not show which objects of a CPU's slab were freed by other CPUs, only how many: they
    // are the first that the kernel hands out although nothing was seen to free them.
    void reveal_remote_frees() {
        struct Hidden {
            SlubSlabImage* slab = nullptr;
            const SlubGeometry* geometry = nullptr;
            std::vector<bool> free; ///< known to be, by object number
            std::size_t missing = 0;
        };
        std::map<std::uint64_t, Hidden> hidden;
        for (SlubCacheImage& cache : m_before.slub)
            for (SlubSlabImage& slab : cache.cpu_slab) {
                if (slab.frame == no_pfn || slab.inuse >= slab.objects) continue;
                Hidden each{&slab, &cache.geometry, std::vector<bool>(slab.objects),
                            slab.objects - slab.inuse};
                for (const std::uint16_t object : slab.free) each.free[object] = true;
                note("free objects that the snapshot does not show", each.missing);
                for (std::uint64_t page = 0; page < 1ULL << cache.geometry.order; ++page)
                    hidden[slab.frame.value() + page] = each;
                // The pages of one slab share one record.
                for (std::uint64_t page = 1; page < 1ULL << cache.geometry.order; ++page)
                    hidden[slab.frame.value() + page].slab = nullptr;
            }
        if (hidden.empty()) return;
        const auto find = [&](VirtAddr object) -> std::pair<Hidden*, std::uint16_t> {
            auto at = in_direct_map(object) ? hidden.find(frame_of(object).value()) : hidden.end();
            while (at != hidden.end() && at->second.slab == nullptr) --at;
            if (at == hidden.end()) return {};
            Hidden& each = at->second;
            const VirtAddr start =
                kernel_layout::direct_map(address_of(each.slab->frame)) + each.geometry->red_left_pad;
            return {&each, static_cast<std::uint16_t>((object - start) / each.geometry->size)};
        };
        for (const SlabEvent& event : m_log.events) {
            const auto [slab, object] = find(event.object);
            if (slab == nullptr || object >= slab->free.size()) continue;
            const bool allocated =
                event.kind == SlabEventKind::Kmalloc || event.kind == SlabEventKind::CacheAlloc;
            if (!allocated) {
                slab->free[object] = true;
            } else if (slab->free[object]) {
                slab->free[object] = false;
            } else if (slab->missing != 0) {
                --slab->missing;
                slab->slab->freed_by_others.push_back(object);
            }
        }
        // What is never handed out cannot matter for an address, only for the count.
        for (auto& [frame, each] : hidden) {
            if (each.slab == nullptr) continue;
            std::vector<std::uint16_t>& list = each.slab->freed_by_others;
            const auto listed = [](const std::vector<std::uint16_t>& objects, std::uint16_t object) {
                return std::ranges::find(objects, object) != objects.end();
            };
            for (std::uint16_t object = 0; each.missing != 0 && object < each.slab->objects; ++object)
                if (!each.free[object] && !listed(list, object) && !listed(each.slab->free, object)) {
                    list.push_back(object);
                    --each.missing;
                }
        }
    }

    void step(std::size_t i) {
        const SlabEvent& event = m_log.events[i];
        switch (event.kind) {
        case SlabEventKind::PageAlloc:
            m_pages.offer(event);
            break;
        case SlabEventKind::PageFree:
            page_freed(event);
            break;
        case SlabEventKind::Kmalloc:
            kmalloc(event);
            break;
        case SlabEventKind::CacheAlloc:
            cache_alloc(event, i);
            break;
        case SlabEventKind::Kfree:
        case SlabEventKind::CacheFree:
            free(event);
            break;
        }
        if (m_allocator->waiting_for_grace_period() != 0) m_allocator->grace_period_ended(event.cpu);
    }

    void kmalloc(const SlabEvent& event) {
        if (!in_direct_map(event.object)) return;
        if (m_slob != nullptr) {
            if (event.bytes_requested >= page_size - slob_header) {
                large(event);
                return;
            }
            predict(event, nullptr, true);
            return;
        }
        const std::uint64_t bytes = m_classes->class_of(event.bytes_requested);
        KmemCache* cache =
            bytes == 0 ? nullptr
                       : m_allocator->find(KmallocClasses::cache_name(m_classes->type_of(event.gfp), bytes));
        if (cache == nullptr)
            large(event);
        else
            predict(event, cache, true);
    }

    // Straight from the page allocator: the page is the object.
    void large(const SlabEvent& event) {
        m_pages.enter(event);
        unsigned order = page_order_of(event.bytes_allocated);
        const GfpMask mask = order != 0 || m_slob == nullptr ? event.gfp | gfp::comp : event.gfp;
        const auto frame = m_pages.allocate({mask, order, event.cpu, any_node});
        note(frame && kernel_layout::direct_map(address_of(*frame)) == event.object
                 ? "page-sized objects matched"
                 : "page-sized objects that differ");
    }

    void cache_alloc(const SlabEvent& event, std::size_t i) {
        if (!in_direct_map(event.object)) return;
        KmemCache* cache = cache_for(event, i);
        if (cache == nullptr) {
            note("objects of caches that the trace does not tell");
            return;
        }
        predict(event, cache, cache->flags.any(slab_flag::kmalloc));
    }

    KmemCache* cache_for(const SlabEvent& event, std::size_t i) {
        if (m_named[i] != no_name)
            if (KmemCache* cache = m_allocator->find(m_log.cache_names[m_named[i]])) return cache;
        if (KmemCache* cache = m_allocator->cache_of(event.object))
            if (cache->size == event.bytes_allocated || m_slab != nullptr) return cache;
        if (const auto site = m_site_cache.find(event.call_site); site != m_site_cache.end())
            if (KmemCache* cache = m_allocator->find(site->second)) return cache;
        if (m_after)
            for (std::uint64_t frame = frame_of(event.object).value(), steps = 0; steps < 8; ++steps, --frame)
                if (const auto owner = m_after->owners.find(frame); owner != m_after->owners.end())
                    if (KmemCache* cache = m_allocator->find(owner->second))
                        if (cache->size == event.bytes_allocated) return cache;
        // SLOB: the only cache of this size will do, since caches share pages there.
        if (m_slob != nullptr)
            for (const auto& cache : m_allocator->caches())
                if (cache->object_size == event.bytes_requested) return cache.get();
        return nullptr;
    }

    void predict(const SlabEvent& event, KmemCache* cache, bool is_kmalloc) {
        m_pages.enter(event);
        m_wanted = event.object;
        SlabRequest request;
        request.gfp = event.gfp;
        request.cpu = event.cpu;
        request.node = event.node < 0 ? any_node : static_cast<NodeId>(event.node);
        request.caller = event.call_site;
        if (m_slob != nullptr && !event.in_interrupt() && m_freed_in_interrupt &&
            m_pages.offers(event.cpu, 0, event.gfp.without(gfp::zero))) {
            // A page was taken, so the search had failed before the interrupt gave something back.
            m_slob->skip_next_search();
            note("searches overtaken by an interrupt");
        }
        const auto predicted = cache == nullptr ? m_allocator->allocate_sized(event.bytes_requested, request)
                                                : m_allocator->allocate(*cache, request);
        if (m_slob != nullptr) {
            m_pages.forget_offers(event.cpu);
            m_freed_in_interrupt = false;
        }
        const bool same = predicted && *predicted == event.object;
        ++m_report.objects;
        m_report.matched += same;
        m_report.kmalloc_objects += is_kmalloc;
        m_report.kmalloc_matched += is_kmalloc && same;
        if (same) return;
        if (m_report.first_difference.empty() && m_options.first_difference)
            m_report.first_difference =
                "event " + std::to_string(event.sequence) + ", cpu " + std::to_string(index_of(event.cpu)) +
                ", " + (cache == nullptr ? std::to_string(event.bytes_requested) + " bytes" : cache->name) +
                ": kernel " + pointer_text(event.object) + ", model " +
                (predicted ? pointer_text(*predicted) : "nothing");
        const VirtAddr wrong = predicted ? *predicted : VirtAddr{};
        if (m_slub != nullptr) m_slub->correct(wrong, event.object, event.cpu);
        if (m_slab != nullptr) m_slab->correct(wrong, event.object, event.cpu);
        if (m_slob != nullptr && cache == nullptr)
            m_slob->correct(wrong, event.object, event.bytes_requested, event.cpu);
    }

    void free(const SlabEvent& event) {
        if (!in_direct_map(event.object)) return;
        m_pages.enter(event);
        if (m_slob != nullptr) {
            if (event.in_interrupt()) m_freed_in_interrupt = true;
            if (event.kind == SlabEventKind::Kfree) {
                if (m_slob->page_of(event.object) == nullptr)
                    note("frees of page-sized objects");
                else if (!m_slob->knows(event.object))
                    note("frees of objects from before the first snapshot, of unknown size");
                else
                    (void)m_allocator->free_sized(event.object, event.cpu);
            } else if (KmemCache* cache = m_allocator->find(m_log.cache_names[event.cache])) {
                if (cache->size < page_size) m_allocator->free(*cache, event.object, event.cpu);
            }
            return;
        }
        KmemCache* cache = m_allocator->cache_of(event.object);
        if (cache == nullptr) {
            note("frees of page-sized objects");
            return;
        }
        m_allocator->free(*cache, event.object, event.cpu);
    }

    void page_freed(const SlabEvent& event) {
        if (m_pages.freed(event.frame)) return;
        const VirtAddr start = kernel_layout::direct_map(address_of(event.frame));
        if (m_allocator->cache_of(start) == nullptr) return;
        if (m_slab == nullptr) {
            note("slabs freed by something not in the trace");
            return;
        }
        // SLAB's periodic worker leaves no events but the pages it frees.
        note("rounds of reaping");
        reap(event.cpu);
        if (!m_pages.freed(event.frame)) note("slabs freed by something not in the trace");
    }

    // Which caches' nodes were due in this round depends on jiffies, which nothing in a capture tells; a
    // round that was due leaves free_touched clear, which nothing else does.
    void reap(CpuId cpu) {
        for (std::size_t i = m_allocator->caches().size(); i-- != 0;) {
            auto& cache = static_cast<SlabCache&>(*m_allocator->caches()[i]);
            const NodeId node = m_pages.node_of(cpu);
            bool due = false;
            if (m_after && cache.nodes[node].free_touched)
                for (const SlabCacheImage& image : m_after->slab)
                    if (image.name == cache.name) due = !image.nodes[index_of(node)].free_touched;
            m_slab->reap(cache, cpu, due ? ReapScope::CpuArraysAndNodes : ReapScope::CpuArrays);
        }
    }

    // The place in the random sequence of the object that the kernel took first from this slab.
    std::uint32_t start_of(const SlubCache& cache, Pfn frame) const {
        const VirtAddr first = kernel_layout::direct_map(address_of(frame)) + cache.geometry.red_left_pad;
        if (m_wanted < first) return 0;
        const std::uint64_t object = (m_wanted - first) / cache.size;
        const auto found = std::ranges::find(cache.random_sequence, object);
        return found == cache.random_sequence.end()
                   ? 0
                   : static_cast<std::uint32_t>(found - cache.random_sequence.begin());
    }

    void compare() {
        const auto add = [&](std::vector<std::string> found) {
            ++m_report.caches;
            m_report.caches_identical += found.empty();
            std::ranges::move(found, std::back_inserter(m_report.final_differences));
        };
        for (const SlubCacheImage& image : m_after->slub) add(differences(image, *m_slub));
        for (const SlabCacheImage& image : m_after->slab) add(differences(image, *m_slab));
        if (m_slob != nullptr)
            for (std::size_t list = 0; list < Slob::list_count; ++list)
                add(differences(m_after->slob_lists[list], *m_slob, list));
    }

    void note(const char* what, std::uint64_t times = 1) {
        if (times == 0) return;
        const auto found =
            std::ranges::find(m_report.checks, what, &std::pair<std::string, std::uint64_t>::first);
        if (found == m_report.checks.end())
            m_report.checks.emplace_back(what, times);
        else
            found->second += times;
    }

    static constexpr std::uint32_t no_name = 0xffffffff;

    const ObjectReplayOptions& m_options;
    std::vector<SilentReap> m_silent_reaps;
    PageSnapshot m_machine;
    TracedPages m_pages;
    SlabImage m_before;
    std::optional<SlabImage> m_after;
    SlabTraceLog m_log;
    std::vector<std::uint32_t> m_named; ///< by event: the cache it was freed to later
    std::unordered_map<VirtAddr, std::string> m_site_cache;
    std::optional<KmallocClasses> m_classes;
    std::unique_ptr<SlabAllocator> m_allocator;
    Slub* m_slub = nullptr;
    Slab* m_slab = nullptr;
    Slob* m_slob = nullptr;
    VirtAddr m_wanted{};
    bool m_freed_in_interrupt = false; ///< since the last allocation
    ObjectReplayReport m_report;
};

} // namespace

std::string ObjectReplayReport::summary() const {
    char percent[32];
    const double share = kmalloc_objects == 0
                             ? 1.0
                             : static_cast<double>(kmalloc_matched) / static_cast<double>(kmalloc_objects);
    std::snprintf(percent, sizeof percent, "%.4f", 100.0 * share);
    return "matched " + std::to_string(kmalloc_matched) + " of " + std::to_string(kmalloc_objects) +
           " objects (" + percent + " %), final state " + std::to_string(caches_identical) + " of " +
           std::to_string(caches) + " caches identical";
}

std::string ObjectReplayReport::text() const {
    std::string text =
        capture + ": " + std::string(name_of(allocator)) + ", " + std::to_string(events) + " events\n";
    if (objects != kmalloc_objects)
        text += "  objects of other caches: matched " + std::to_string(matched - kmalloc_matched) + " of " +
                std::to_string(objects - kmalloc_objects) + "\n";
    for (const auto& [what, times] : checks) text += "  " + what + ": " + std::to_string(times) + "\n";
    for (const std::string& difference : final_differences) text += "  differs: " + difference + "\n";
    if (!first_difference.empty()) text += "  first difference: " + first_difference + "\n";
    return text + summary() + "\n";
}

ObjectReplayReport replay_objects(const std::string& path, const ObjectReplayOptions& options) {
    const CaptureFiles files(path);
    ObjectReplayReport best = ObjectReplay(files, options, {}).run();
    if (best.allocator != AllocatorKind::Slab) return best;
    // Nothing in a capture says when the worker ran; its rounds are seen in idle caches' arrays afterwards.
    constexpr std::size_t most_rounds = 4;
    constexpr std::size_t places = 8;
    const auto score = [](const ObjectReplayReport& report) {
        return std::pair(report.matched, report.caches_identical);
    };
    std::vector<SilentReap> rounds;
    while (!best.exact() && rounds.size() < most_rounds) {
        ObjectReplayReport better = best;
        SilentReap found;
        for (std::size_t cpu = 0; cpu < best.cpus; ++cpu)
            for (std::size_t place = 1; place < places; ++place) {
                std::vector<SilentReap> plan = rounds;
                plan.push_back(
                    {static_cast<std::size_t>(best.events) * place / places, static_cast<CpuId>(cpu)});
                ObjectReplayReport report = ObjectReplay(files, options, plan).run();
                if (score(report) <= score(better)) continue;
                better = std::move(report);
                found = plan.back();
            }
        if (score(better) == score(best)) break;
        best = std::move(better);
        rounds.push_back(found);
    }
    return best;
}

} // namespace pagewalk::os
