#pragma once

#include "contract/requester.h"
#include "models/mmu/mmu_config.h"
#include "models/mmu/page_walker.h"
#include "models/mmu/tlb_hierarchy.h"
#include "models/mmu/translation_design.h"

#include <memory>

namespace pagewalk::models {

/// What a design may use of its core. All of it outlives the design.
struct DesignParts {
    const MmuConfig& config;
    CpuId cpu;
    PrivateHierarchy& caches;
    PageWalker& walker;
    TlbHierarchy& tlbs;
};

/// The design that the configuration names; null for none.
[[nodiscard]] std::unique_ptr<TranslationDesign> make_translation_design(const DesignParts& parts);

} // namespace pagewalk::models
