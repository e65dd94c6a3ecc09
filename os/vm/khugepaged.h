#pragma once

#include "os/path/kernel_objects.h"
#include "os/reclaim/lru_batch.h"
#include "os/task/kernel_thread.h"
#include "os/vm/thp_config.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

class VirtualMemory;
struct AddressSpace;

/// The thread that goes through the address spaces that may have huge pages and puts small pages together to
/// such ones. Source: Linux 6.1, mm/khugepaged.c; Documentation/admin-guide/mm/transhuge.rst
class Khugepaged final : public KernelThread {
public:
    Khugepaged(VirtualMemory& memory, KernelObjects& objects, LruBatches& lru, TaskRunner& runner,
               const KhugepagedConfig& config)
        : KernelThread(runner), m_memory(memory), m_objects(objects), m_lru(lru), m_config(config) {}

    void run(Operation& op) override;

    /// khugepaged_enter_vma: the space will be looked at; nothing where it is already.
    void enter(Operation& op, AddressSpace& space);
    /// The space is about to go.
    void leave(Operation& op, AddressSpace& space);

private:
    /// A space, and its struct khugepaged_mm_slot.
    struct Slot {
        AddressSpace* space;
        VirtAddr object;
    };
    void drain_all(Operation& op);
    void scan(Operation& op);
    std::uint64_t scan_space(Operation& op, AddressSpace& space, std::uint64_t most);
    [[nodiscard]] bool try_collapse(Operation& op, AddressSpace& space, VirtAddr start);
    void next_space();

    VirtualMemory& m_memory;
    KernelObjects& m_objects;
    LruBatches& m_lru;
    KhugepagedConfig m_config;
    std::vector<Slot> m_slots;         ///< in the order in which they came
    std::size_t m_at = 0;              ///< the one that is being looked at; size(): a pass is over
    VirtAddr m_address{};              ///< where in it
    AddressSpace* m_scanned = nullptr; ///< that one, while this thread may wait; null when it has gone
    bool m_failed = false;             ///< there was no memory for a huge page
};

} // namespace pagewalk::os
