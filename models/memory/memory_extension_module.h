#pragma once

#include "contract/memory_access.h"

#include <tlm>

namespace pagewalk::models {

/// What Pagewalk's modules add to a TLM-2.0 payload: who asks, and why. Ignorable: a memory that does not
/// know it serves the generic payload's command all the same.
class MemoryExtension final : public tlm::tlm_extension<MemoryExtension> {
public:
    AccessKind kind = AccessKind::Load;
    CpuId cpu{};

    [[nodiscard]] tlm::tlm_extension_base* clone() const override;
    void copy_from(const tlm::tlm_extension_base& other) override;
};

} // namespace pagewalk::models
