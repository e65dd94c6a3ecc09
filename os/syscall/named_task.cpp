#include "os/syscall/named_task.h"

namespace pagewalk::os {

Task* named_task(CallContext& call, std::int64_t id) {
    if (id == 0) return &call.task;
    for (const auto& task : call.kernel.processes.tasks())
        if (task != nullptr && task->known_as == id && task->program == call.task.program) return task.get();
    return call.task.known_as == 0 ? &call.task : nullptr;
}

} // namespace pagewalk::os
