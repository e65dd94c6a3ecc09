#include "models/device/dma_port_module.h"

#include "contract/kernel_path.h"
#include "models/memory/memory_extension_module.h"
#include "models/memory/memory_socket_module.h"

#include <algorithm>

namespace pagewalk::models {

DmaPortModule::DmaPortModule(const sc_core::sc_module_name& name, SharedMemory& memory, DeviceId device,
                             PhysAddr end)
    : sc_module(name), socket("socket"), m_memory(memory), m_device(device), m_end(end) {
    require_picosecond_resolution();
    socket.register_b_transport(this, &DmaPortModule::b_transport);
    socket.register_get_direct_mem_ptr(this, &DmaPortModule::get_direct_mem_ptr);
}

tlm::tlm_response_status DmaPortModule::check(const tlm::tlm_generic_payload& payload) const {
    const std::uint64_t length = payload.get_data_length();
    if (payload.get_address() >= m_end.value() || length > m_end.value() - payload.get_address())
        return tlm::TLM_ADDRESS_ERROR_RESPONSE;
    if (payload.get_streaming_width() < length) return tlm::TLM_BURST_ERROR_RESPONSE;
    return tlm::TLM_OK_RESPONSE;
}

void DmaPortModule::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    payload.set_response_status(check(payload));
    if (!payload.is_response_ok() || payload.get_command() == tlm::TLM_IGNORE_COMMAND ||
        payload.get_data_length() == 0)
        return;
    const Tick now = to_ticks(sc_core::sc_time_stamp());
    LineRequest request{.line = PhysAddr(payload.get_address()).line(),
                        .requester = m_device,
                        .kind = payload.is_write() ? AccessKind::WriteBack : AccessKind::Dma,
                        .time = now + to_ticks(delay)};
    MemoryExtension* const extension = payload.get_extension<MemoryExtension>();
    if (extension != nullptr) {
        request.requester = extension->requester;
        request.time = extension->time;
        payload.set_dmi_allowed(true);
    }
    const PhysAddr end = PhysAddr(payload.get_address()) + payload.get_data_length();
    Tick served = request.time;
    for (; request.line < end; request.line += line_size) served = std::max(served, access(request));
    if (extension != nullptr) extension->served = served;
    if (served == no_time) return payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    delay = served > now ? to_sc_time(served - now) : sc_core::SC_ZERO_TIME;
}

bool DmaPortModule::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted) {
    MemoryExtension* const extension = payload.get_extension<MemoryExtension>();
    if (extension == nullptr) return false;
    extension->direct = this;
    granted.init();
    granted.set_start_address(0);
    granted.set_end_address(m_end.value() - 1);
    granted.allow_read_write();
    return true;
}

} // namespace pagewalk::models
