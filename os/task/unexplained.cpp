#include "os/task/unexplained.h"

#include <cstdio>

namespace pagewalk::os {

std::string to_string(const UnexplainedAccess& access) {
    constexpr const char* verbs[] = {"read", "wrote", "executed"};
    char text[64];
    std::snprintf(text, sizeof text, "task %u %s 0x%llx, after calls", static_cast<unsigned>(access.task),
                  verbs[static_cast<std::size_t>(access.access)],
                  static_cast<unsigned long long>(access.address.value()));
    std::string line = text;
    for (const std::uint32_t call : access.last_calls) line += " " + std::to_string(call);
    return line;
}

void UnexplainedAccesses::add(const Task& task, VirtAddr address, FaultAccess access, Tick now) {
    ++m_count;
    if (m_first.size() < most_kept) m_first.push_back({now, task.id, address, access, task.last_calls});
}

} // namespace pagewalk::os
