#include "os/task/interrupt_lines.h"

#include "base/error.h"

#include <string>

namespace pagewalk::os {

void InterruptLines::request(std::uint32_t source, InterruptHandler& handler) {
    if (source >= m_handlers.size()) m_handlers.resize(std::size_t{source} + 1);
    if (m_handlers[source] != nullptr)
        throw ConfigError("device " + std::to_string(source) + " has a driver already");
    m_handlers[source] = &handler;
}

bool InterruptLines::deliver(Operation& op, std::uint32_t source) const {
    if (source >= m_handlers.size() || m_handlers[source] == nullptr) return false;
    m_handlers[source]->interrupted(op);
    return true;
}

} // namespace pagewalk::os
