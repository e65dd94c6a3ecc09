#pragma once

#include "contract/memory_access.h"
#include "models/memory/memory_port.h"

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

namespace pagewalk::models {

/// Where devices reach memory: a TLM-2.0 target in front of the last-level caches, so that what a device
/// reads and writes is coherent. A device that knows nothing of MemoryExtension takes part as the requester
/// that the port was made for; one that knows it may have direct access. b_transport never waits: the delay
/// that comes with a transaction says when it arrives, the delay that goes back when its last line is served.
/// Data values are not simulated: nothing is copied. Errors, as the standard has them: addresses beyond
/// memory and what an IOMMU refuses (TLM_ADDRESS_ERROR_RESPONSE), a streaming width below the length
/// (TLM_BURST_ERROR_RESPONSE).
class DmaPortModule final : public sc_core::sc_module, public MemoryPort {
public:
    tlm_utils::simple_target_socket<DmaPortModule> socket;

    /// `end`: of memory. `memory` must outlive the port.
    DmaPortModule(const sc_core::sc_module_name& name, SharedMemory& memory, DeviceId device, PhysAddr end);

    Tick access(const LineRequest& request) override { return m_memory.request(request).ready; }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted);
    [[nodiscard]] tlm::tlm_response_status check(const tlm::tlm_generic_payload& payload) const;

    SharedMemory& m_memory;
    DeviceId m_device;
    PhysAddr m_end;
};

} // namespace pagewalk::models
