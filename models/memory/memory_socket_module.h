#pragma once

#include "base/address.h"
#include "models/memory/memory_extension_module.h"
#include "models/memory/memory_port.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>

namespace pagewalk::models {

/// Simulated time as SystemC's, exactly. Needs a time resolution of 1 ps (Pagewalk's tick), the default.
[[nodiscard]] inline sc_core::sc_time to_sc_time(Tick ticks) {
    return sc_core::sc_time::from_value(ticks.value());
}
[[nodiscard]] inline Tick to_ticks(const sc_core::sc_time& time) { return Tick(time.value()); }
/// Throws RunError when the resolution of SystemC's time is not 1 ps.
void require_picosecond_resolution();

/// A memory port whose requests leave through a TLM-2.0 initiator socket as blocking transports: one payload,
/// used again and again. The delay that goes with it is the request's time from now, none where that is past;
/// by what the delay has grown when it comes back, the request is served later. Errors: RunError when the
/// target refuses. What a target grants direct access to no longer goes through the sockets.
class MemorySocketModule final : public sc_core::sc_module, public MemoryPort {
public:
    tlm_utils::simple_initiator_socket<MemorySocketModule> socket;

    explicit MemorySocketModule(sc_core::sc_module_name name);
    ~MemorySocketModule() override;
    MemorySocketModule(const MemorySocketModule&) = delete;
    MemorySocketModule& operator=(const MemorySocketModule&) = delete;

    Tick access(const LineRequest& request) override {
        for (const Grant& grant : m_grants)
            if (request.line.value() - grant.start < grant.bytes) [[likely]]
                return grant.port->access(request);
        return transport(request);
    }

private:
    /// Of direct access.
    struct Grant {
        std::uint64_t start = 0;
        std::uint64_t bytes = 0;
        MemoryPort* port = nullptr;
    };

    Tick transport(const LineRequest& request);
    void ask_for_direct_access(PhysAddr line);
    void take_grants_back(sc_dt::uint64 start, sc_dt::uint64 end);
    [[noreturn]] void refused(const LineRequest& request) const;

    tlm::tlm_generic_payload m_payload;
    MemoryExtension m_extension;
    std::array<unsigned char, line_size> m_data{};
    std::vector<Grant> m_grants;
};

} // namespace pagewalk::models
