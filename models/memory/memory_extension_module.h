#pragma once

#include "contract/memory_access.h"
#include "models/memory/memory_port.h"

#include <optional>

#include <tlm>

namespace pagewalk::models {

/// What Pagewalk's modules add to a TLM-2.0 payload: who asks, why, and when. Ignorable: a memory that does
/// not know it serves the generic payload's command all the same. The times are here because a delay cannot
/// be negative: an out-of-order core asks for lines at times before its last commit, which is SystemC's now.
///
/// A memory that answers at once may take part in TLM-2.0's direct memory interface: asked by
/// get_direct_mem_ptr with this extension, it names the port that answers as its b_transport does, for the
/// range of addresses that it grants (dmi_data). A module in between that neither adds time nor changes
/// addresses passes the request on, and may narrow the range; others refuse.
class MemoryExtension final : public tlm::tlm_extension<MemoryExtension> {
public:
    AccessKind kind = AccessKind::Load;
    RequesterId requester{};
    Tick time{};                  ///< when the request arrives
    std::optional<Tick> served;   ///< when it was served, where the target says
    MemoryPort* direct = nullptr; ///< answer to get_direct_mem_ptr: takes over what goes to the granted range

    [[nodiscard]] tlm::tlm_extension_base* clone() const override;
    void copy_from(const tlm::tlm_extension_base& other) override;
};

} // namespace pagewalk::models
