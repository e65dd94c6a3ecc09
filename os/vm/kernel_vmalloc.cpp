#include "os/vm/kernel_vmalloc.h"

namespace pagewalk::os {

FrameAllocator::Request KernelVmalloc::Pages::request_of(const PageRequest& request) const {
    FrameAllocator::Request asked{
        .mask = request.gfp, .order = request.order, .purpose = AllocationPurpose::Vmalloc};
    if (request.node != any_node) asked.node = request.node;
    return asked;
}

std::optional<Pfn> KernelVmalloc::Pages::allocate(const PageRequest& request) {
    const VmallocTrace::Aside aside(m_trace);
    const auto frame = m_frames.allocate(m_frames.served(), request_of(request));
    return frame ? std::optional(*frame) : std::nullopt;
}

std::size_t KernelVmalloc::Pages::allocate_bulk(const PageRequest& request, std::span<Pfn> frames) {
    const VmallocTrace::Aside aside(m_trace);
    return m_frames.allocate_bulk(m_frames.served(), request_of(request), frames);
}

void KernelVmalloc::Pages::free(Pfn frame, unsigned order, CpuId) {
    m_frames.free(m_frames.served(), frame, order);
}

std::uint64_t KernelVmalloc::Pages::total_pages() const {
    std::uint64_t pages = 0;
    for (const auto& zone : m_frames.allocator().zones()) pages += zone->managed;
    return pages;
}

void KernelVmalloc::Pages::add_table(PageTableMemory&, Pfn frame) {
    m_frames.served().path.clear_pages(frame, 0);
    m_tables.make_table(frame);
}

void KernelVmalloc::Pages::remove_table(PageTableMemory&, Pfn frame) {
    m_tables.retire_table(m_frames.served(), frame);
}

std::optional<VirtAddr> KernelVmalloc::AreaObjects::allocate_area(const SlabRequest&) {
    const VmallocTrace::Aside aside(m_trace);
    return m_objects.allocate(m_frames.served(), ObjectKind::VmapArea);
}

void KernelVmalloc::AreaObjects::free_area(VirtAddr object, CpuId) {
    m_objects.free(m_frames.served(), ObjectKind::VmapArea, object);
}

std::optional<VirtAddr> KernelVmalloc::AreaObjects::allocate(std::uint64_t bytes,
                                                             const SlabRequest& request) {
    const VmallocTrace::Aside aside(m_trace);
    const auto object = m_objects.kmalloc(m_frames.served(), bytes, request.gfp, KernelFunction::Vmalloc);
    return object ? std::optional(*object) : std::nullopt;
}

void KernelVmalloc::AreaObjects::free(VirtAddr object, CpuId) {
    m_objects.kfree(m_frames.served(), object, KernelFunction::Vfree);
}

KernelVmalloc::KernelVmalloc(const VmallocConfig& config, FrameAllocator& frames, KernelObjects& objects,
                             PageTables& tables, PageTableMemory& memory, unsigned levels, Operation& boot)
    : m_frames(frames),
      m_flags(config.huge_vmalloc == VmallocConfig::HugeMappings::On ? vm_flag::allow_huge : VmFlags{}),
      m_pages(frames, tables), m_area_objects(frames, objects), m_writer(frames.allocator().cpus().size()),
      m_vmalloc(make(config, memory, levels, boot)) {
    m_pages.attach(m_vmalloc.trace());
    m_area_objects.attach(m_vmalloc.trace());
}

Vmalloc KernelVmalloc::make(const VmallocConfig& config, PageTableMemory& memory, unsigned levels,
                            Operation& boot) {
    const FrameAllocator::Scope serving(m_frames, boot);
    VmallocConfig placed = config;
    placed.places.locks = m_frames.addresses().vmalloc_locks();
    for (std::size_t cpu = 0; cpu < m_frames.addresses().percpu.size(); ++cpu)
        placed.places.block_queues.push_back(m_frames.addresses().vmap_block_queue(static_cast<CpuId>(cpu)));
    return {placed, memory, m_frames.addresses().root, levels, m_pages, m_area_objects};
}

std::expected<VirtAddr, VmallocError> KernelVmalloc::allocate(Operation& op, std::uint64_t bytes,
                                                              GfpMask mask) {
    const FunctionScope scope = in(op, TracedFunction::Vmalloc);
    const FrameAllocator::Scope serving(m_frames, op);
    op.path.call(KernelFunction::Vmalloc);
    const auto address = m_vmalloc.allocate(
        {.size = bytes, .gfp = mask, .cpu = op.cpu, .flags = m_flags, .caller = "pagewalk_driver+0x0/0x0"});
    m_writer.append(op, m_vmalloc.trace());
    return address;
}

void KernelVmalloc::free(Operation& op, VirtAddr address) {
    const FunctionScope scope = in(op, TracedFunction::Vfree);
    const FrameAllocator::Scope serving(m_frames, op);
    op.path.call(KernelFunction::Vfree);
    m_vmalloc.free(address, op.cpu);
    m_writer.append(op, m_vmalloc.trace());
}

} // namespace pagewalk::os
