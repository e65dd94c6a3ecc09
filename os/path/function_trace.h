#pragma once

#include "base/event_table.h"
#include "contract/kernel_path.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// Kernel functions whose calls are traced, named as in Linux 6.1.
enum class TracedFunction : std::uint8_t {
    KernelClone,
    CopyProcess,
    DupTaskStruct,
    CopyMm,
    DupMm,
    MmAlloc, ///< allocate_mm in fork
    MmInit,
    PgdAlloc,
    DupMmap,
    VmAreaDup,
    AnonVmaFork,
    CopyPageRange,
    WakeUpNewTask,
    DoExit,
    ExitMmap,
    HandleMmFault,
    GetFreePages,
    AllocPages,
    GetPageFromFreelist,
    AllocPagesSlowpath,
    Rmqueue,
    FreePages,
    KmemCacheAlloc,
    KmemCacheFree,
    Kmalloc,
    Kfree,
    SlabAlloc, ///< ___slab_alloc, cache_alloc_refill or slob_alloc: the slow path
    NewSlab,
    Vmalloc,
    Vfree,
};
[[nodiscard]] std::string_view name_of(TracedFunction function);

/// One call. A table holds each CPU's calls in the order of their entries.
struct FunctionEvent {
    std::uint64_t time = 0;     ///< ps, entry
    std::uint64_t duration = 0; ///< ps, callees included
    std::uint32_t task = 0;
    std::uint16_t cpu = 0;
    std::uint8_t depth = 0; ///< traced callers
    TracedFunction function = TracedFunction::KernelClone;

    [[nodiscard]] static EventSchema schema();
};

/// The traced calls of one kernel path, in order of entry; times come once it has run.
class FunctionCalls {
public:
    struct Call {
        TracedFunction function = TracedFunction::KernelClone;
        std::uint8_t depth = 0;
        std::uint32_t entry = 0; ///< mark
        std::uint32_t exit = 0;  ///< mark
    };

    enum class Recording : bool { Off, On };
    void set_recording(Recording recording) { m_on = recording == Recording::On; }
    [[nodiscard]] bool recording() const { return m_on; }
    void clear() {
        m_calls.clear();
        m_depth = 0;
    }
    [[nodiscard]] std::span<const Call> calls() const { return m_calls; }

    [[nodiscard]] std::size_t enter(TracedFunction function, KernelPath& path) {
        m_calls.push_back({function, m_depth++, path.mark(), 0});
        return m_calls.size() - 1;
    }
    void leave(std::size_t call, KernelPath& path) {
        m_calls[call].exit = path.mark();
        --m_depth;
    }

private:
    std::vector<Call> m_calls;
    std::uint8_t m_depth = 0;
    bool m_on = false;
};

/// While it lives, what is appended to the path belongs to a call of `function`. Costs a test when nothing is
/// recorded.
class FunctionScope {
public:
    FunctionScope(FunctionCalls& calls, KernelPath& path, TracedFunction function)
        : m_calls(calls.recording() ? &calls : nullptr), m_path(path) {
        if (m_calls != nullptr) m_call = m_calls->enter(function, path);
    }
    FunctionScope(const FunctionScope&) = delete;
    FunctionScope& operator=(const FunctionScope&) = delete;
    ~FunctionScope() {
        if (m_calls != nullptr) m_calls->leave(m_call, m_path);
    }

private:
    FunctionCalls* m_calls;
    KernelPath& m_path;
    std::size_t m_call = 0;
};

} // namespace pagewalk::os
