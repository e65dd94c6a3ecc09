#include "models/memory/memory_extension_module.h"

#include <memory>

namespace pagewalk::models {

// TLM frees what clone() returns.
tlm::tlm_extension_base* MemoryExtension::clone() const {
    return std::make_unique<MemoryExtension>(*this).release();
}

void MemoryExtension::copy_from(const tlm::tlm_extension_base& other) {
    *this = static_cast<const MemoryExtension&>(other);
}

} // namespace pagewalk::models
