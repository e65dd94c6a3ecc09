#include "os/path/function_trace.h"

#include "base/enum_table.h"

namespace pagewalk::os {
namespace {

constexpr EnumNames<TracedFunction> names{
    {TracedFunction::KernelClone, "kernel_clone"},
    {TracedFunction::CopyProcess, "copy_process"},
    {TracedFunction::DupTaskStruct, "dup_task_struct"},
    {TracedFunction::CopyMm, "copy_mm"},
    {TracedFunction::DupMm, "dup_mm"},
    {TracedFunction::MmAlloc, "mm_alloc"},
    {TracedFunction::MmInit, "mm_init"},
    {TracedFunction::PgdAlloc, "pgd_alloc"},
    {TracedFunction::DupMmap, "dup_mmap"},
    {TracedFunction::VmAreaDup, "vm_area_dup"},
    {TracedFunction::AnonVmaFork, "anon_vma_fork"},
    {TracedFunction::CopyPageRange, "copy_page_range"},
    {TracedFunction::WakeUpNewTask, "wake_up_new_task"},
    {TracedFunction::DoExit, "do_exit"},
    {TracedFunction::ExitMmap, "exit_mmap"},
    {TracedFunction::HandleMmFault, "handle_mm_fault"},
    {TracedFunction::GetFreePages, "__get_free_pages"},
    {TracedFunction::AllocPages, "__alloc_pages"},
    {TracedFunction::GetPageFromFreelist, "get_page_from_freelist"},
    {TracedFunction::AllocPagesSlowpath, "__alloc_pages_slowpath"},
    {TracedFunction::Rmqueue, "__rmqueue"},
    {TracedFunction::FreePages, "__free_pages"},
    {TracedFunction::KmemCacheAlloc, "kmem_cache_alloc"},
    {TracedFunction::KmemCacheFree, "kmem_cache_free"},
    {TracedFunction::Kmalloc, "kmalloc"},
    {TracedFunction::Kfree, "kfree"},
    {TracedFunction::SlabAlloc, "___slab_alloc"},
    {TracedFunction::NewSlab, "new_slab"},
    {TracedFunction::Vmalloc, "vmalloc"},
    {TracedFunction::Vfree, "vfree"},
};

} // namespace

std::string_view name_of(TracedFunction function) { return names[function]; }

EventSchema FunctionEvent::schema() {
    using E = FunctionEvent;
    return {"functions",
            "calls of kernel functions; each CPU's in order of entry",
            sizeof(E),
            {event_column("time", &E::time, "ps", "entry"),
             event_column("duration", &E::duration, "ps", "until the exit, callees included"),
             event_column("task", &E::task, "", "task"), event_column("cpu", &E::cpu, "", "CPU"),
             event_column("depth", &E::depth, "", "traced callers"),
             event_column("function", &E::function, "", "function")},
            "kernel paths whose function calls are",
            {0}};
}

} // namespace pagewalk::os
