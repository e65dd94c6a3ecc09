#include "os/vm/kernel_vmalloc.h"

#include "contract/kernel_layout.h"

namespace pagewalk::os {
namespace {

CpuMask all_cpus(std::size_t count) {
    CpuMask mask;
    for (std::size_t i = 0; i < count; ++i) mask.set(i);
    return mask;
}

} // namespace

FrameAllocator::Request KernelVmalloc::Pages::request_of(const PageRequest& request) const {
    FrameAllocator::Request asked{
        .mask = request.gfp, .order = request.order, .purpose = AllocationPurpose::Vmalloc};
    if (request.node != any_node) asked.node = request.node;
    return asked;
}

std::optional<Pfn> KernelVmalloc::Pages::allocate(const PageRequest& request) {
    const auto frame = m_frames.allocate(*op, request_of(request));
    return frame ? std::optional(*frame) : std::nullopt;
}

std::size_t KernelVmalloc::Pages::allocate_bulk(const PageRequest& request, std::span<Pfn> frames) {
    return m_frames.allocate_bulk(*op, request_of(request), frames);
}

void KernelVmalloc::Pages::free(Pfn frame, unsigned order, CpuId) { m_frames.free(*op, frame, order); }

std::uint64_t KernelVmalloc::Pages::total_pages() const {
    std::uint64_t pages = 0;
    for (const auto& zone : m_frames.allocator().zones()) pages += zone->managed;
    return pages;
}

void KernelVmalloc::Pages::add_table(PageTableMemory&, Pfn frame) {
    op->path.clear_pages(frame, 0);
    m_tables.make_table(frame);
}

void KernelVmalloc::Pages::remove_table(PageTableMemory&, Pfn frame) { m_tables.retire_table(*op, frame); }

std::optional<VirtAddr> KernelVmalloc::Books::allocate_area(const SlabRequest&) {
    return m_objects.allocate(*op, ObjectKind::VmapArea);
}

void KernelVmalloc::Books::free_area(VirtAddr object, CpuId) {
    m_objects.free(*op, ObjectKind::VmapArea, object);
}

std::optional<VirtAddr> KernelVmalloc::Books::allocate(std::uint64_t bytes, const SlabRequest& request) {
    const auto object = m_objects.kmalloc(*op, bytes, request.gfp, KernelFunction::Vmalloc);
    return object ? std::optional(*object) : std::nullopt;
}

void KernelVmalloc::Books::free(VirtAddr object, CpuId) {
    m_objects.kfree(*op, object, KernelFunction::Vfree);
}

KernelVmalloc::KernelVmalloc(const VmallocConfig& config, FrameAllocator& frames, KernelObjects& objects,
                             PageTables& tables, PageTableMemory& memory, unsigned levels, Operation& boot)
    : m_addresses(frames.addresses()),
      m_flags(config.huge_vmalloc == VmallocConfig::HugeMappings::On ? vm_flag::allow_huge : VmFlags{}),
      m_pages(frames, tables), m_books(objects), m_cpus(all_cpus(frames.allocator().cpus().size())),
      m_vmalloc((serve(&boot), config), memory, m_addresses.root, levels, m_pages, m_books) {
    serve(nullptr);
}

std::expected<VirtAddr, VmallocError> KernelVmalloc::allocate(Operation& op, std::uint64_t bytes,
                                                              GfpMask mask) {
    const FunctionScope scope = in(op, TracedFunction::Vmalloc);
    const Serving serving(*this, op);
    op.path.call(KernelFunction::Vmalloc);
    const auto address = m_vmalloc.allocate(
        {.size = bytes, .gfp = mask, .cpu = op.cpu, .flags = m_flags, .caller = "pagewalk_driver+0x0/0x0"});
    describe(op);
    return address;
}

void KernelVmalloc::free(Operation& op, VirtAddr address) {
    const FunctionScope scope = in(op, TracedFunction::Vfree);
    const Serving serving(*this, op);
    op.path.call(KernelFunction::Vfree);
    m_vmalloc.free(address, op.cpu);
    describe(op);
}

VirtAddr KernelVmalloc::lock_address(const VmallocStep& step) const {
    switch (step.lock) {
    case VmallocLock::Block:
        return step.address;
    case VmallocLock::BlockQueue:
        return m_addresses.percpu[static_cast<CpuId>(step.count)] + 0x7000;
    default:
        return m_addresses.vmalloc_locks() + static_cast<std::uint64_t>(step.lock) * line_size;
    }
}

void KernelVmalloc::describe(Operation& op) {
    KernelPathBuilder& path = op.path;
    for (const VmallocStep& step : m_vmalloc.trace().steps()) {
        switch (step.kind) {
        case VmallocStepKind::Acquire:
            path.acquire(lock_address(step));
            break;
        case VmallocStepKind::Release:
            path.release(lock_address(step));
            break;
        case VmallocStepKind::VisitArea:
            path.call(KernelFunction::VmapAreaStep);
            path.load(step.address);
            break;
        case VmallocStepKind::WriteArea:
            path.call(KernelFunction::VmapAreaLink);
            path.store(step.address);
            break;
        case VmallocStepKind::TakePage:
            path.store_page(step.frame);
            break;
        case VmallocStepKind::WriteEntries:
            path.call(KernelFunction::VmapPte, step.count);
            path.store(step.physical);
            break;
        case VmallocStepKind::ClearEntries:
            path.call(KernelFunction::VunmapPte, step.count);
            path.store(step.physical);
            break;
        case VmallocStepKind::FlushTlb: {
            TlbInvalidation flush{.start = step.address, .end = step.end, .cpus = m_cpus};
            if (VmallocTrace::flushes_all(step.address, step.end)) flush.scope = TlbInvalidation::Scope::All;
            path.call(KernelFunction::FlushTlbRange);
            path.flush_tlb(flush);
            break;
        }
        case VmallocStepKind::AllocateObject: // these have written their own steps
        case VmallocStepKind::FreeObject:
        case VmallocStepKind::AllocatePages:
        case VmallocStepKind::FreePage:
        case VmallocStepKind::AllocateTable:
        case VmallocStepKind::FreeTable:
        case VmallocStepKind::WakeDrain:
            break;
        }
    }
}

} // namespace pagewalk::os
