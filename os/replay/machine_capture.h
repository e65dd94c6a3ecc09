#pragma once

#include "os/page/memory_map.h"
#include "os/page/page_allocator.h"
#include "os/replay/capture_files.h"

namespace pagewalk::os {

/// A real machine as its own files describe it.
struct CapturedMachine {
    MemoryMap map;
    PageSettings settings;
};

/// Reads a machine from dmesg (early memory ranges, RAMDISK, command line, memory freed late), iomem (kernel
/// image), zoneinfo (managed pages of each zone: what the kernel kept for itself), node_and_misc (distances,
/// CPUs) and proc_sys_vm (settings; min_free_kbytes is computed, not read). Where in a zone the kernel's own
/// memory lies is known for the kernel image and the initrd; the rest is put where memblock allocates, at the
/// zone's end. Errors: InputError naming the file and what is missing in it.
[[nodiscard]] CapturedMachine machine_from_capture(const CaptureFiles& files);

} // namespace pagewalk::os
