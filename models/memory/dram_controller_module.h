#pragma once

#include "models/memory/dram_controller.h"
#include "models/memory/memory_target_module.h"

namespace pagewalk::models {

/// A DRAM controller behind a TLM-2.0 target socket.
class DramControllerModule final : public MemoryTargetModule {
public:
    DramControllerModule(sc_core::sc_module_name name, const DramConfig& config)
        : MemoryTargetModule(name), m_controller(config) {}

    [[nodiscard]] const DramController& controller() const { return m_controller; }

private:
    [[nodiscard]] MemoryPort& port() override { return m_controller; }

    DramController m_controller;
};

} // namespace pagewalk::models
