#pragma once

#include "contract/memory_access.h"

#include <optional>

#include <tlm>

namespace pagewalk::models {

/// What Pagewalk's modules add to a TLM-2.0 payload: who asks, why, and when. Ignorable: a memory that does
/// not know it serves the generic payload's command all the same. The times are here because a delay cannot
/// be negative: an out-of-order core asks for lines at times before its last commit, which is SystemC's now.
class MemoryExtension final : public tlm::tlm_extension<MemoryExtension> {
public:
    AccessKind kind = AccessKind::Load;
    CpuId cpu{};
    Tick time{};                ///< when the request arrives
    std::optional<Tick> served; ///< when it was served, where the target says

    [[nodiscard]] tlm::tlm_extension_base* clone() const override;
    void copy_from(const tlm::tlm_extension_base& other) override;
};

} // namespace pagewalk::models
