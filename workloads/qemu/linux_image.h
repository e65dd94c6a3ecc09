#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/address_shifts.h"

#include <vector>

namespace pagewalk::workloads {

/// A program's memory before its first instruction, where Linux 6.1 puts it without randomised addresses.
struct LinuxImage {
    std::vector<InitialMapping> mappings;
    AddressShifts shifts; ///< from the emulator's addresses
};

/// From the image as the emulator loaded it (initial_map.h). The stack begins below its top with what the
/// arguments take and 128 KiB; a program at no fixed address lies at two thirds of the address space, with
/// its break behind it; the dynamic loader, then vvar and vdso, lie below mmap_base. Source: fs/binfmt_elf.c,
/// fs/exec.c and arch/x86/mm/mmap.c of Linux 6.1; sizes of vvar and vdso: /proc/PID/maps of Debian's 6.1
[[nodiscard]] LinuxImage place_as_linux(const std::vector<InitialMapping>& loaded);

} // namespace pagewalk::workloads
