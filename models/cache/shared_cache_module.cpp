#include "models/cache/shared_cache_module.h"

namespace pagewalk::models {

SharedCacheModule::SharedCacheModule(sc_core::sc_module_name name, const LlcConfig& config,
                                     SharedCacheClients clients, std::uint64_t seed)
    : sc_module(name), m_memory("memory"), m_cache(config, clients, m_memory, seed, this->name()) {}

} // namespace pagewalk::models
