#include "models/memory/cxl_expander.h"

#include "base/address.h"

namespace pagewalk::models {

Tick CxlExpander::access(const LineRequest& request) {
    const bool write = request.kind == AccessKind::WriteBack;
    LineRequest inside = request;
    inside.time = m_link.send(SocketLink::Direction::Forth, write ? line_size : 0, request.time);
    const Tick served = m_dram.access(inside);
    return write ? served : m_link.send(SocketLink::Direction::Back, line_size, served);
}

void CxlExpander::declare(StatGroup group) const {
    m_link.declare(group.group("link"));
    m_dram.declare(group.group("dram"));
}

} // namespace pagewalk::models
