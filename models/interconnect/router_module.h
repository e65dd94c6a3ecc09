#pragma once

#include "models/interconnect/numa_map.h"

#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

namespace pagewalk::models {

/// What address a router's target sees.
enum class RoutedAddress : std::uint8_t {
    Physical, ///< as it came
    Offset,   ///< from the start of its range, as a memory from elsewhere expects
};

/// Passes TLM-2.0 blocking transports on to the target of the node that owns the address. Takes no time. So
/// it does with requests for direct access, unless the target sees other addresses than who asks.
class RouterModule final : public sc_core::sc_module {
public:
    sc_core::sc_vector<tlm_utils::simple_target_socket<RouterModule>> inputs;
    sc_core::sc_vector<tlm_utils::simple_initiator_socket_optional<RouterModule>>
        outputs; ///< by node; bound where it is asked

    RouterModule(sc_core::sc_module_name name, NumaMap map, std::size_t input_count, RoutedAddress address);

private:
    void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    bool get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted);
    void invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end);

    NumaMap m_map;
    RoutedAddress m_address;
};

} // namespace pagewalk::models
