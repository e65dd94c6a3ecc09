#include "os/path/function_trace.h"

#include "os/path/event_column.h"

namespace pagewalk::os {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(TracedFunction::Count)> names{
    "kernel_clone",
    "copy_process",
    "dup_task_struct",
    "copy_mm",
    "dup_mm",
    "mm_alloc",
    "mm_init",
    "pgd_alloc",
    "dup_mmap",
    "vm_area_dup",
    "anon_vma_fork",
    "copy_page_range",
    "wake_up_new_task",
    "do_exit",
    "exit_mmap",
    "handle_mm_fault",
    "__get_free_pages",
    "__alloc_pages",
    "get_page_from_freelist",
    "__alloc_pages_slowpath",
    "__rmqueue",
    "__free_pages",
    "kmem_cache_alloc",
    "kmem_cache_free",
    "kmalloc",
    "kfree",
    "___slab_alloc",
    "new_slab",
    "vmalloc",
    "vfree",
};

} // namespace

std::string_view name_of(TracedFunction function) { return names[static_cast<std::size_t>(function)]; }

EventSchema function_schema() {
    using E = FunctionEvent;
    return {"functions",
            "calls of kernel functions; each CPU's in order of entry",
            sizeof(E),
            {event_column("time", &E::time, "ps", "entry"),
             event_column("duration", &E::duration, "ps", "until the exit, callees included"),
             event_column("task", &E::task, "", "task"), event_column("cpu", &E::cpu, "", "CPU"),
             event_column("depth", &E::depth, "", "traced callers"),
             event_column("function", &E::function, "", "function", value_names(names))}};
}

} // namespace pagewalk::os
