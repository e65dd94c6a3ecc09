#pragma once

#include "contract/page_tables/page_table_format.h"
#include "os/path/frame_allocator.h"
#include "os/path/operation.h"
#include "os/vm/address_space.h"

namespace pagewalk::os {

/// Frames for an address space's page table within an operation: from the page allocator, accounted as
/// tables, and what the work touches is on the operation's path.
class OperationFrames final : public TableFrames {
public:
    OperationFrames(Operation& op, AddressSpace& space, FrameAllocator& frames, KernelCounters& counters)
        : m_op(op), m_space(space), m_frames(frames), m_counters(counters) {}

    [[nodiscard]] Pfn allocate(unsigned order) override;
    void free(Pfn frame, unsigned order) override;
    void load(PhysAddr where) override { m_op.path.load(where); }
    void store(PhysAddr where) override { m_op.path.store(where); }

private:
    Operation& m_op;
    AddressSpace& m_space;
    FrameAllocator& m_frames;
    KernelCounters& m_counters;
};

} // namespace pagewalk::os
