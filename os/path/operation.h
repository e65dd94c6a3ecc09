#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "os/path/effect.h"
#include "os/path/function_trace.h"
#include "os/path/kernel_events.h"
#include "os/path/kernel_path_builder.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// Facts about one path that can only be recorded once it has run, because its marks have no time before.
struct PathLog {
    struct Allocation {
        AllocationEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<Allocation> allocations;
    FunctionCalls functions;
    struct DriverCall {
        DriverEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<DriverCall> driver_calls;
    struct Reclaim {
        ReclaimEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<Reclaim> reclaims;
    struct FileRead {
        FileReadEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<FileRead> file_reads;
    struct ObjectCall {
        KmemEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<ObjectCall> objects;
    std::vector<Effect> effects; ///< as the path's Effect steps number them
    FaultEvent fault;
    bool has_fault = false;
    std::uint32_t fault_begin = 0; ///< mark
    /// Page-table frames that were freed: a walker may still be in one until the path's TLB flushes are done.
    std::vector<Pfn> dead_tables;

    void clear() {
        allocations.clear();
        functions.clear();
        driver_calls.clear();
        reclaims.clear();
        file_reads.clear();
        objects.clear();
        dead_tables.clear();
        effects.clear();
        has_fault = false;
    }
};

struct Operation;
struct Task; // os/task
class MemoryPolicy;
struct MemoryCgroup;

/// Lets an operation wait in the middle; os/task provides it.
class OperationHost {
public:
    virtual ~OperationHost() = default;
    /// The path so far runs, then the operation's task sleeps until it is woken or until `until`, and this
    /// call returns. Who waits for something registers for being woken first: see os/task/wait_queue.h.
    virtual void sleep(Operation& op, Tick until) = 0;
    /// The path so far runs, then others that are runnable on this CPU do, and this call returns.
    virtual void give_way(Operation& op) = 0;
    /// As give_way, by a kernel thread between two rounds of its loop: what it did is complete and is written
    /// down. Contract: no traced call is open.
    virtual void end_round(Operation& op) = 0;
};

/// One kernel operation in progress: who, where, when, and the path it fills. `cpu` and `now` change when it
/// waits.
struct Operation {
    KernelPathBuilder path;
    PathLog& log;
    CpuId cpu{};
    TaskId task{};
    Tick now{};                     ///< when the part of the path that is being filled begins
    OperationHost* host = nullptr;  ///< null: may not wait (interrupts, boot)
    Task* self = nullptr;           ///< whose kernel stack it runs on
    MemoryPolicy* policy = nullptr; ///< of its task; null: local
    MemoryCgroup* cgroup = nullptr; ///< that its task's memory is charged to; null: none
    /// In a page fault of an area whose pages are not used in sequence or at random (lru_gen_in_fault).
    bool in_lru_fault = false;
    bool runs = true; ///< a CPU will run the path; otherwise effects take place at once

    [[nodiscard]] bool may_wait() const { return host != nullptr; }
    /// on.*method(value, moment) takes place when the path gets here.
    template <auto method, class Object>
    void effect(Object& on, std::uint64_t value = 0) {
        const Effect effect = Effect::of<method>(on, value);
        if (!runs) return effect.take_place({cpu, now});
        path.effect(static_cast<std::uint32_t>(log.effects.size()));
        log.effects.push_back(effect);
    }
};

/// While it lives the operation may not wait: others would see a structure half changed.
class AtomicSection {
public:
    explicit AtomicSection(Operation& op) : m_op(op), m_host(std::exchange(op.host, nullptr)) {}
    ~AtomicSection() { m_op.host = m_host; }
    AtomicSection(const AtomicSection&) = delete;
    AtomicSection& operator=(const AtomicSection&) = delete;

private:
    Operation& m_op;
    OperationHost* m_host;
};

/// While the scope lives, the operation is in a call of `function`.
[[nodiscard]] inline FunctionScope in(Operation& op, TracedFunction function) {
    return {op.log.functions, op.path.path(), function};
}

} // namespace pagewalk::os
