#include "models/interconnect/router_module.h"

#include <algorithm>
#include <utility>

namespace pagewalk::models {

RouterModule::RouterModule(sc_core::sc_module_name name, NumaMap map, std::size_t input_count,
                           RoutedAddress address)
    : sc_module(name), inputs("input", input_count), outputs("output", map.node_count()),
      m_map(std::move(map)), m_address(address) {
    for (auto& input : inputs) {
        input.register_b_transport(this, &RouterModule::b_transport);
        input.register_get_direct_mem_ptr(this, &RouterModule::get_direct_mem_ptr);
    }
    for (auto& output : outputs)
        output.register_invalidate_direct_mem_ptr(this, &RouterModule::invalidate_direct_mem_ptr);
}

void RouterModule::b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const sc_dt::uint64 address = payload.get_address();
    const NumaMap::Range& range = m_map.range_of(PhysAddr(address));
    if (m_address == RoutedAddress::Offset) payload.set_address(address - range.start.value());
    outputs[index_of(range.node)]->b_transport(payload, delay);
    payload.set_address(address);
    if (m_address == RoutedAddress::Offset) payload.set_dmi_allowed(false);
}

bool RouterModule::get_direct_mem_ptr(tlm::tlm_generic_payload& payload, tlm::tlm_dmi& granted) {
    if (m_address == RoutedAddress::Offset) return false;
    const NumaMap::Range& range = m_map.range_of(PhysAddr(payload.get_address()));
    if (!outputs[index_of(range.node)]->get_direct_mem_ptr(payload, granted)) return false;
    granted.set_start_address(std::max(granted.get_start_address(), sc_dt::uint64{range.start.value()}));
    granted.set_end_address(std::min(granted.get_end_address(), sc_dt::uint64{range.end.value() - 1}));
    return granted.get_start_address() <= payload.get_address() &&
           payload.get_address() <= granted.get_end_address();
}

void RouterModule::invalidate_direct_mem_ptr(sc_dt::uint64 start, sc_dt::uint64 end) {
    for (auto& input : inputs) input->invalidate_direct_mem_ptr(start, end);
}

} // namespace pagewalk::models
