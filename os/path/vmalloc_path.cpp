#include "os/path/vmalloc_path.h"

namespace pagewalk::os {

VmallocPathWriter::VmallocPathWriter(const KernelAddresses& addresses, std::size_t cpus)
    : m_addresses(addresses) {
    for (std::size_t i = 0; i < cpus; ++i) m_cpus.set(i);
}

VirtAddr VmallocPathWriter::lock_address(const VmallocStep& step) const {
    switch (step.lock) {
    case VmallocLock::Block:
        return step.address;
    case VmallocLock::BlockQueue:
        return m_addresses.percpu[static_cast<CpuId>(step.count)] + 0x7000;
    default:
        return m_addresses.vmalloc_locks() + static_cast<std::uint64_t>(step.lock) * line_size;
    }
}

void VmallocPathWriter::flush(Operation& op, const VmallocStep& step) const {
    TlbInvalidation flush{.start = step.address, .end = step.end, .cpus = m_cpus};
    if (VmallocTrace::flushes_all(step.address, step.end)) flush.scope = TlbInvalidation::Scope::All;
    op.path.call(KernelFunction::FlushTlbRange);
    op.path.flush_tlb(flush);
}

void VmallocPathWriter::write(Operation& op, const VmallocTrace& trace) const {
    KernelPathBuilder& path = op.path;
    for (const VmallocStep& step : trace.steps()) {
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
        case VmallocStepKind::FlushTlb:
            flush(op, step);
            break;
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
