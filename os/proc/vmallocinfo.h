#pragma once

#include "os/vmalloc/vmalloc.h"

#include <string>

namespace pagewalk::os {

/// The text of /proc/vmallocinfo as Linux 6.1 prints it to a reader who may see addresses
/// (kptr_restrict = 1 and CAP_SYSLOG): areas in use by address, then those that wait for the purge. Like the
/// kernel it shows none of the latter where nothing is in use.
[[nodiscard]] std::string vmallocinfo_text(const Vmalloc& vmalloc);

} // namespace pagewalk::os
