#pragma once

#include "models/memory/memory_port.h"

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>

namespace pagewalk::models {

/// A memory behind a TLM-2.0 target socket. b_transport never waits: the delay that comes with a transaction
/// says when it arrives, the delay that goes back when it is served. Knows MemoryExtension, does without it,
/// and grants direct access to its port at any address. A transaction that spans several lines is served when
/// its last line is.
class MemoryTargetModule : public sc_core::sc_module {
public:
    tlm_utils::simple_target_socket<MemoryTargetModule> socket;

    explicit MemoryTargetModule(sc_core::sc_module_name name);

protected:
    ~MemoryTargetModule() override = default;

private:
    /// Who answers.
    [[nodiscard]] virtual MemoryPort& port() = 0;

    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted);
};

} // namespace pagewalk::models
