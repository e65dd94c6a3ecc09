#pragma once

#include "os/path/frame_allocator.h"
#include "os/path/kernel_objects.h"
#include "os/path/operation.h"
#include "os/path/touch_path.h"
#include "os/vm/page_table.h"
#include "os/vmalloc/vmalloc.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace pagewalk::os {

/// vmalloc in the simulated kernel: pages, tables and descriptions come from the kernel's allocators as part
/// of the operation's path, and what vmalloc itself touches is appended to it.
class KernelVmalloc {
public:
    /// `boot` is the operation that pays for the tables of the vmalloc range. All are borrowed.
    KernelVmalloc(const VmallocConfig& config, FrameAllocator& frames, KernelObjects& objects,
                  PageTables& tables, PageTableMemory& memory, unsigned levels, Operation& boot);

    [[nodiscard]] std::expected<VirtAddr, VmallocError> allocate(Operation& op, std::uint64_t bytes,
                                                                 GfpMask mask);
    void free(Operation& op, VirtAddr address);

    [[nodiscard]] const Vmalloc& areas() const { return m_vmalloc; }

private:
    [[nodiscard]] Vmalloc make(const VmallocConfig& config, PageTableMemory& memory, unsigned levels,
                               Operation& boot);

    /// Pages and tables on behalf of the operation that is being served (FrameAllocator::Scope).
    class Pages final : public AllocatorTopology<VmallocPages> {
    public:
        Pages(FrameAllocator& frames, PageTables& tables)
            : AllocatorTopology(frames.allocator()), m_frames(frames), m_tables(tables) {}

        /// The trace whose steps are kept while an operation waits. At boot none does.
        void attach(VmallocTrace& trace) { m_trace = &trace; }
        [[nodiscard]] std::optional<Pfn> allocate(const PageRequest& request) override;
        void free(Pfn frame, unsigned order, CpuId cpu) override;
        [[nodiscard]] std::size_t allocate_bulk(const PageRequest& request, std::span<Pfn> frames) override;
        void split(Pfn frame, unsigned order) override { m_frames.split(frame, order); }
        [[nodiscard]] std::uint64_t total_pages() const override;
        void add_table(PageTableMemory& memory, Pfn frame) override;
        void remove_table(PageTableMemory& memory, Pfn frame) override;
        [[nodiscard]] CpuId current_cpu(CpuId cpu) const override { return m_frames.served_cpu(cpu); }

    private:
        [[nodiscard]] FrameAllocator::Request request_of(const PageRequest& request) const;

        FrameAllocator& m_frames;
        PageTables& m_tables;
        VmallocTrace* m_trace = nullptr;
    };

    /// vmap_areas, vm_structs and page arrays.
    class AreaObjects final : public VmallocObjects {
    public:
        AreaObjects(FrameAllocator& frames, KernelObjects& objects) : m_frames(frames), m_objects(objects) {}

        void attach(VmallocTrace& trace) { m_trace = &trace; }
        [[nodiscard]] std::optional<VirtAddr> allocate_area(const SlabRequest& request) override;
        void free_area(VirtAddr object, CpuId cpu) override;
        [[nodiscard]] std::optional<VirtAddr> allocate(std::uint64_t bytes,
                                                       const SlabRequest& request) override;
        void free(VirtAddr object, CpuId cpu) override;
        [[nodiscard]] CpuId current_cpu(CpuId cpu) const override { return m_frames.served_cpu(cpu); }

    private:
        FrameAllocator& m_frames;
        KernelObjects& m_objects;
        VmallocTrace* m_trace = nullptr;
    };

    FrameAllocator& m_frames;
    VmFlags m_flags;
    Pages m_pages;
    AreaObjects m_area_objects;
    TouchPathWriter m_writer;
    Vmalloc m_vmalloc;
};

} // namespace pagewalk::os
