#pragma once

#include "os/page/memory_map.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/iomem as root reads it, from the map's resources: a range inside another is indented
/// below it. The map knows memory, firmware ranges and the kernel's image; devices are not in it.
[[nodiscard]] std::string iomem_text(const MemoryMap& map);

} // namespace pagewalk::os
