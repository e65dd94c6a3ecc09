#include "models/memory/memory_target_module.h"

#include "models/memory/memory_extension_module.h"
#include "models/memory/memory_socket_module.h"

#include <algorithm>

namespace pagewalk::models {

MemoryTargetModule::MemoryTargetModule(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    require_picosecond_resolution();
    socket.register_b_transport(this, &MemoryTargetModule::b_transport);
    socket.register_get_direct_mem_ptr(this, &MemoryTargetModule::get_direct_mem_ptr);
}

void MemoryTargetModule::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (payload.get_command() == tlm::TLM_IGNORE_COMMAND || payload.get_data_length() == 0) return;
    const Tick now = to_ticks(sc_core::sc_time_stamp());
    LineRequest request{.line = PhysAddr(payload.get_address()).line(),
                        .requester = {},
                        .kind = payload.is_write() ? AccessKind::WriteBack : AccessKind::Load,
                        .time = now + to_ticks(delay)};
    MemoryExtension* const extension = payload.get_extension<MemoryExtension>();
    if (extension != nullptr) {
        request.requester = extension->requester;
        request.kind = extension->kind;
        request.time = extension->time;
        payload.set_dmi_allowed(true);
    }
    const PhysAddr end = PhysAddr(payload.get_address()) + payload.get_data_length();
    Tick served = request.time;
    for (; request.line < end; request.line += line_size) served = std::max(served, port().access(request));
    if (extension != nullptr) extension->served = served;
    delay = served > now ? to_sc_time(served - now) : sc_core::SC_ZERO_TIME;
}

bool MemoryTargetModule::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted) {
    MemoryExtension* const extension = payload.get_extension<MemoryExtension>();
    if (extension == nullptr) return false;
    extension->direct = &port();
    granted.init(); // all addresses
    granted.allow_read_write();
    return true;
}

} // namespace pagewalk::models
