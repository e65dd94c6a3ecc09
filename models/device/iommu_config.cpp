#include "models/device/iommu_config.h"

#include "base/error.h"

#include <string>

namespace pagewalk::models {

void IommuConfig::declare(OptionGroup group) {
    group.number("iotlb_entries", iotlb_entries, {1, 65'536},
                 {Unit::Count, "translations that the IOTLB holds", "assumed: vendors publish no size"});
    group.number("iotlb_ways", iotlb_ways, {0, 65'536},
                 {Unit::Count, "ways of the IOTLB; 0: fully associative", "assumed"});
    group.number("walk_cache_entries", walk_cache_entries, {0, 4096},
                 {Unit::Count, "entries of each upper level of the tables that the IOMMU keeps; 0: none",
                  "Intel VT-d specification, 6.2.5: paging-structure caches; size assumed"});
    group.number("walkers", walkers, {1, 64}, {Unit::Count, "walks that go on at a time", "assumed"});
    group.number("latency", latency, {0, 1'000'000},
                 {Unit::Ticks, "look-up in the IOTLB, of every line that a device moves", "assumed"});
    group.number("fault_at", fault_at, {0, 1ULL << 62},
                 {Unit::Count,
                  "which line that devices move, counted from 1, finds its page not mapped, to see what a "
                  "driver's mistake leads to; 0: none",
                  "user"});
}

void IommuConfig::validate(const OptionSet& options) const {
    if (iotlb_entries % ways() == 0) return;
    throw ConfigError(options.where("iommu.iotlb_ways"), "iommu.iotlb_ways", std::to_string(iotlb_ways),
                      "must divide iommu.iotlb_entries = " + std::to_string(iotlb_entries));
}

} // namespace pagewalk::models
