#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace pagewalk::workloads {

/// The interrupt and global descriptor tables that QEMU keeps in the program's memory. It reads them when it
/// loads a segment register, for the program and for itself (a signal's frame, its return), and its plugin
/// interface shows these reads as the program's: of an instruction that loads a segment, and of whatever
/// instruction ended the block that ran last. A real CPU has no such tables in the program's half of the
/// address space.
struct DescriptorTables {
    std::uint64_t start = 0;
    std::uint64_t bytes = 0; ///< 0: not found

    [[nodiscard]] bool contain(std::uint64_t address) const { return address - start < bytes; }
};

/// True for an instruction that may read a descriptor besides its operands. Source: Intel SDM vol. 2,
/// appendix A.
[[nodiscard]] inline bool reads_descriptor(const std::uint8_t* bytes, std::size_t size) {
    const auto is_prefix = [](std::uint8_t byte) {
        return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0x64 || byte == 0x65 ||
               (byte & 0xf0) == 0x40;
    };
    std::size_t at = 0;
    while (at < size && is_prefix(bytes[at])) ++at;
    if (at == size) return false;
    const std::uint8_t first = bytes[at];
    const std::uint8_t second = at + 1 < size ? bytes[at + 1] : 0;
    if (first == 0x0f) {
        switch (second) {
        case 0x00: // verr, verw
        case 0x02: // lar
        case 0x03: // lsl
        case 0xa1: // pop fs
        case 0xa9: // pop gs
        case 0xb2: // lss
        case 0xb4: // lfs
        case 0xb5: // lgs
            return true;
        default:
            return false;
        }
    }
    return first == 0x8e; // mov to a segment register; far branches end their block
}

/// Looks for the tables in the process's memory: a page with the user data and code descriptors of 64-bit
/// programs at their places, and where it stands before that the page of interrupt gates. Source: QEMU 7.2's
/// layout as seen.
[[nodiscard]] inline DescriptorTables find_descriptor_tables() {
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t largest =
        1 << 20; // of a mapping worth looking through: the tables are mapped early
    constexpr std::uint64_t user_data = 0x00cf'f300'0000'ffff;
    constexpr std::uint64_t user_code = 0x00ef'fb00'0000'ffff;
    constexpr std::uint64_t interrupt_gate = 0x8000'0000'0000;
    std::FILE* const maps = std::fopen("/proc/self/maps", "re");
    if (maps == nullptr) return {};
    DescriptorTables tables;
    std::array<char, 512> line{};
    while (tables.bytes == 0 && std::fgets(line.data(), line.size(), maps) != nullptr) {
        unsigned long start = 0, end = 0, inode = 1;
        std::array<char, 8> access{};
        if (std::sscanf(line.data(), "%lx-%lx %7s %*s %*s %lu", &start, &end, access.data(), &inode) != 4)
            continue;
        if (inode != 0 || end - start > largest || std::strncmp(access.data(), "rw-p", 4) != 0) continue;
        for (std::uint64_t at = start; at < end; at += page) {
            const auto* words = reinterpret_cast<const std::uint64_t*>(at);
            if (words[0] != 0 || words[5] != user_data || words[6] != user_code) continue;
            const bool gates =
                at > start && *reinterpret_cast<const std::uint64_t*>(at - page) == interrupt_gate;
            tables = gates ? DescriptorTables{at - page, 2 * page} : DescriptorTables{at, page};
            break;
        }
    }
    std::fclose(maps);
    return tables;
}

} // namespace pagewalk::workloads
