#include "models/interconnect/router_module.h"

#include <utility>

namespace pagewalk::models {

RouterModule::RouterModule(sc_core::sc_module_name name, NumaMap map, std::size_t input_count,
                           RoutedAddress address)
    : sc_module(name), inputs("input", input_count), outputs("output", map.node_count()),
      m_map(std::move(map)), m_address(address) {
    for (auto& input : inputs) input.register_b_transport(this, &RouterModule::b_transport);
}

void RouterModule::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const sc_dt::uint64 address = payload.get_address();
    const NumaMap::Range& range = m_map.range_of(PhysAddr(address));
    if (m_address == RoutedAddress::Offset) payload.set_address(address - range.start.value());
    outputs[index_of(range.node)]->b_transport(payload, delay);
    payload.set_address(address);
}

} // namespace pagewalk::models
