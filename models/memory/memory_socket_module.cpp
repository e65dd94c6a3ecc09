#include "models/memory/memory_socket_module.h"

#include "base/error.h"
#include "contract/kernel_path.h"

#include <algorithm>
#include <cstdio>

namespace pagewalk::models {

void require_picosecond_resolution() {
    if (sc_core::sc_get_time_resolution() != sc_core::sc_time(1, sc_core::SC_PS))
        throw RunError("SystemC's time resolution is " + sc_core::sc_get_time_resolution().to_string() +
                       "; Pagewalk's models need 1 ps");
}

MemorySocketModule::MemorySocketModule(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    require_picosecond_resolution();
    m_payload.set_data_ptr(m_data.data());
    m_payload.set_data_length(line_size);
    m_payload.set_streaming_width(line_size);
    m_payload.set_extension(&m_extension);
    socket.register_invalidate_direct_mem_ptr(this, &MemorySocketModule::take_grants_back);
}

MemorySocketModule::~MemorySocketModule() {
    // The payload would delete it.
    m_payload.clear_extension(&m_extension);
}

Tick MemorySocketModule::transport(const LineRequest& request) {
    const Tick now = to_ticks(sc_core::sc_time_stamp());
    const sc_core::sc_time ahead =
        request.time > now ? to_sc_time(request.time - now) : sc_core::SC_ZERO_TIME;
    sc_core::sc_time delay = ahead;
    m_extension.kind = request.kind;
    m_extension.requester = request.requester;
    m_extension.time = request.time;
    m_extension.served.reset();
    m_payload.set_command(request.kind == AccessKind::WriteBack ? tlm::TLM_WRITE_COMMAND
                                                                : tlm::TLM_READ_COMMAND);
    m_payload.set_address(request.line.value());
    m_payload.set_byte_enable_ptr(nullptr);
    m_payload.set_dmi_allowed(false);
    m_payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    socket->b_transport(m_payload, delay);
    if (!m_payload.is_response_ok()) [[unlikely]] {
        if (m_extension.served == no_time) return no_time;
        refused(request);
    }
    if (m_payload.is_dmi_allowed()) ask_for_direct_access(request.line);
    return m_extension.served.value_or(request.time + to_ticks(delay - ahead));
}

void MemorySocketModule::ask_for_direct_access(PhysAddr line) {
    m_extension.direct = nullptr;
    m_payload.set_address(line.value());
    tlm::tlm_dmi granted;
    if (!socket->get_direct_mem_ptr(m_payload, granted) || m_extension.direct == nullptr) return;
    const std::uint64_t start = granted.get_start_address();
    // The whole of the address space has no length in 64 bits: its last byte is nobody's.
    const std::uint64_t bytes =
        std::max(granted.get_end_address() - start, granted.get_end_address() - start + 1);
    m_grants.push_back({start, bytes, m_extension.direct});
}

void MemorySocketModule::take_grants_back(sc_dt::uint64 start, sc_dt::uint64 end) {
    std::erase_if(m_grants, [=](const Grant& grant) {
        return grant.start <= end && start <= grant.start + (grant.bytes - 1);
    });
}

void MemorySocketModule::refused(const LineRequest& request) const {
    char address[19];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(request.line.value()));
    throw RunError(std::string(name()) + ": the memory behind the socket refused physical address " +
                   address + ": " + m_payload.get_response_string());
}

} // namespace pagewalk::models
