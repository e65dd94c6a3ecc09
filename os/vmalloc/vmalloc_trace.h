#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "contract/kernel_layout.h"
#include "os/page/touch_steps.h"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace pagewalk::os {

enum class VmallocLock : std::uint8_t {
    Busy,  ///< vmap_area_lock
    Free,  ///< free_vmap_area_lock
    Lazy,  ///< purge_vmap_area_lock
    Purge, ///< vmap_purge_lock, a mutex
};

/// Where vmalloc's locks lie. A block's own lock is in the block.
struct VmallocPlaces {
    VirtAddr locks{};                         ///< of the whole range, a line each
    IndexedVec<CpuId, VirtAddr> block_queues; ///< vmap_block_queue of each CPU

    [[nodiscard]] VirtAddr lock(VmallocLock lock) const {
        return locks + static_cast<std::uint64_t>(lock) * line_size;
    }
};

/// An operation in short.
struct VmallocSummary {
    std::uint32_t page_calls = 0; ///< of the page allocator for an area's pages
    std::uint32_t pages_taken = 0;
    std::uint32_t pages_freed = 0;
    std::uint32_t tables_added = 0;
    std::uint32_t tables_dropped = 0;
    std::uint32_t flushes = 0;
    bool purge_wanted = false; ///< more waits now than may
};

/// What the last operation did, whatever it nested (the page array of a large area) included. Always
/// recorded: flushes have effect where nothing is timed. What was asked of the page and object allocators is
/// in theirs. A vmap_area fills one 64-byte line.
class VmallocTrace : public TouchSteps {
public:
    explicit VmallocTrace(VmallocPlaces places = {}) : m_places(std::move(places)) { record(true); }

    /// While it lives others may use the trace, since the operation may wait: what it says so far is kept
    /// here.
    class Aside {
    public:
        /// `trace` may be null: nothing is kept.
        explicit Aside(VmallocTrace* trace) : m_trace(trace) {
            m_kept.record(true);
            swap();
        }
        ~Aside() { swap(); }
        Aside(const Aside&) = delete;
        Aside& operator=(const Aside&) = delete;

    private:
        void swap() {
            if (m_trace == nullptr) return;
            std::swap<TouchSteps>(m_kept, *m_trace);
            std::swap(m_summary, m_trace->m_summary);
        }
        VmallocTrace* m_trace;
        TouchSteps m_kept;
        VmallocSummary m_summary;
    };

    void begin() {
        clear();
        m_summary = {};
    }
    [[nodiscard]] const VmallocPlaces& places() const { return m_places; }
    [[nodiscard]] VmallocSummary& summary() { return m_summary; }
    [[nodiscard]] const VmallocSummary& summary() const { return m_summary; }

    using TouchSteps::acquire;
    using TouchSteps::release;
    void acquire(VmallocLock lock) { acquire(m_places.lock(lock)); }
    void release(VmallocLock lock) { release(m_places.lock(lock)); }
    void visit_area(VirtAddr area) {
        work(AllocatorWork::VisitArea);
        load(area);
    }
    void write_area(VirtAddr area) {
        work(AllocatorWork::WriteArea);
        store(area);
    }
    void flush(VirtAddr start, VirtAddr end) {
        ++m_summary.flushes;
        TouchSteps::flush(start, end);
    }

private:
    VmallocPlaces m_places;
    VmallocSummary m_summary;
};

} // namespace pagewalk::os
