#include "os/path/touch_path.h"

#include "base/enum_table.h"
#include "base/error.h"
#include "os/path/tlb_flush_ceiling.h"

namespace pagewalk::os {
namespace {

constexpr EnumTable<AllocatorWork, KernelFunction> functions{
    {AllocatorWork::AllocSlow, KernelFunction::SlabAllocSlow},
    {AllocatorWork::GetPartial, KernelFunction::GetPartialNode},
    {AllocatorWork::AcquireSlab, KernelFunction::AcquireSlab},
    {AllocatorWork::PutPartial, KernelFunction::PutCpuPartial},
    {AllocatorWork::Unfreeze, KernelFunction::UnfreezePartial},
    {AllocatorWork::Deactivate, KernelFunction::DeactivateSlab},
    {AllocatorWork::NewSlab, KernelFunction::AllocateSlab},
    {AllocatorWork::SetUpObject, KernelFunction::SetupObject},
    {AllocatorWork::FreeSlow, KernelFunction::SlabFreeSlow},
    {AllocatorWork::MoveOnList, KernelFunction::SlabListMove},
    {AllocatorWork::Discard, KernelFunction::DiscardSlab},
    {AllocatorWork::CheckObject, KernelFunction::CheckObject},
    {AllocatorWork::RefillArray, KernelFunction::CacheAllocRefill},
    {AllocatorWork::MoveObject, KernelFunction::MoveObject},
    {AllocatorWork::TakeOnNode, KernelFunction::CacheAllocNode},
    {AllocatorWork::GrowCache, KernelFunction::CacheGrow},
    {AllocatorWork::IndexObject, KernelFunction::IndexObject},
    {AllocatorWork::NestedAlloc, KernelFunction::KmemCacheAlloc},
    {AllocatorWork::NestedFree, KernelFunction::KmemCacheFree},
    {AllocatorWork::FlushArray, KernelFunction::CacheFlushArray},
    {AllocatorWork::FreeToSlab, KernelFunction::FreeBlock},
    {AllocatorWork::FreeAlien, KernelFunction::CacheFreeAlien},
    {AllocatorWork::DestroySlab, KernelFunction::SlabDestroy},
    {AllocatorWork::SlobAlloc, KernelFunction::SlobAlloc},
    {AllocatorWork::SlobPage, KernelFunction::SlobPage},
    {AllocatorWork::SlobBlock, KernelFunction::SlobBlock},
    {AllocatorWork::SlobNewPage, KernelFunction::SlobNewPage},
    {AllocatorWork::SlobFree, KernelFunction::SlobFree},
    {AllocatorWork::VisitArea, KernelFunction::VmapAreaStep},
    {AllocatorWork::WriteArea, KernelFunction::VmapAreaLink},
    {AllocatorWork::WriteEntry, KernelFunction::VmapPte},
    {AllocatorWork::ClearEntry, KernelFunction::VunmapPte},
};

} // namespace

TouchPathWriter::TouchPathWriter(std::size_t cpus) {
    for (std::size_t i = 0; i < cpus; ++i) m_cpus.set(i);
}

void TouchPathWriter::append(Operation& op, const TouchSteps& touched) const {
    KernelPathBuilder& path = op.path;
    for (const TouchStep& step : touched.steps()) switch (step.kind) {
        case TouchStep::Kind::Work:
            path.call(functions[step.work], step.count);
            break;
        case TouchStep::Kind::Load:
            path.load(step.address);
            break;
        case TouchStep::Kind::Store:
            path.store(step.address);
            break;
        case TouchStep::Kind::Acquire:
            path.acquire(step.address);
            break;
        case TouchStep::Kind::Release:
            path.release(step.address);
            break;
        case TouchStep::Kind::FlushTlb:
            flush(op, step);
            break;
        }
}

void TouchPathWriter::flush(Operation& op, const TouchStep& step) const {
    PAGEWALK_INVARIANT(m_cpus.any());
    TlbInvalidation flush{.start = step.address, .end = step.end, .cpus = m_cpus};
    if (step.end - step.address > tlb_single_page_flush_ceiling * page_size)
        flush.scope = TlbInvalidation::Scope::All;
    op.path.call(KernelFunction::FlushTlbRange);
    op.path.flush_tlb(flush);
}

} // namespace pagewalk::os
