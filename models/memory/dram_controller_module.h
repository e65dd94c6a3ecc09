#pragma once

#include "models/memory/dram_controller.h"

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

namespace pagewalk::models {

/// A DRAM controller behind a TLM-2.0 target socket. b_transport never waits: the delay that comes with a
/// transaction says when it arrives, the delay that goes back when it is served. Knows MemoryExtension, does
/// without it, and grants direct access to its port at any address. A transaction that spans several lines is
/// served when its last line is.
class DramControllerModule final : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<DramControllerModule> socket;

    DramControllerModule(sc_core::sc_module_name name, const DramConfig& config);

    [[nodiscard]] const DramController& controller() const { return m_controller; }

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted);

    DramController m_controller;
};

} // namespace pagewalk::models
