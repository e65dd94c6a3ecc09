#pragma once

#include "base/stats.h"
#include "models/interconnect/socket_link.h"
#include "models/memory/cxl_config.h"
#include "models/memory/dram_controller.h"
#include "models/memory/memory_port.h"

namespace pagewalk::models {

/// The expander as the socket sees it: a request crosses the link, is served by the card's controller and
/// DRAM, and its answer comes back over the link's other direction. A message is a slot of 16 bytes and its
/// data, as in CXL's flits of 68 bytes (CXL 2.0, 4.2.2).
class CxlExpander final : public MemoryPort {
public:
    explicit CxlExpander(const CxlConfig& config) : m_link(config.link), m_dram(config.dram) {}

    Tick access(const LineRequest& request) override;

    [[nodiscard]] const DramController& dram() const { return m_dram; }
    void declare(StatGroup group) const;

private:
    SocketLink m_link;
    DramController m_dram;
};

} // namespace pagewalk::models
