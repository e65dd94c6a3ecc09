#pragma once

#include "models/memory/cxl_expander.h"
#include "models/memory/memory_target_module.h"

namespace pagewalk::models {

/// A CXL memory expander behind a TLM-2.0 target socket.
class CxlExpanderModule final : public MemoryTargetModule {
public:
    CxlExpanderModule(sc_core::sc_module_name name, const CxlConfig& config)
        : MemoryTargetModule(name), m_expander(config) {}

    [[nodiscard]] const CxlExpander& expander() const { return m_expander; }

private:
    [[nodiscard]] MemoryPort& port() override { return m_expander; }

    CxlExpander m_expander;
};

} // namespace pagewalk::models
