#pragma once

#include "models/cache/shared_cache.h"
#include "models/memory/memory_socket_module.h"

#include <systemc>

namespace pagewalk::models {

/// A socket's last-level cache. The private caches call it directly; what it lacks leaves through a TLM-2.0
/// initiator socket.
class SharedCacheModule final : public sc_core::sc_module {
public:
    SharedCacheModule(sc_core::sc_module_name name, const LlcConfig& config, SharedCacheClients clients,
                      std::uint64_t seed);

    /// Towards memory.
    [[nodiscard]] tlm_utils::simple_initiator_socket<MemorySocketModule>& memory_socket() {
        return m_memory.socket;
    }
    [[nodiscard]] SharedCache& cache() { return m_cache; }
    [[nodiscard]] const SharedCache& cache() const { return m_cache; }

private:
    MemorySocketModule m_memory;
    SharedCache m_cache;
};

} // namespace pagewalk::models
