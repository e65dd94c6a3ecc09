#include "workloads/qemu/block_dictionary.h"

#include "base/error.h"
#include "workloads/qemu/shared_segment.h"

#include <cstring>
#include <numeric>
#include <string>

namespace pagewalk::workloads {

namespace {

bool is_legacy_prefix(std::uint8_t byte) {
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return false;
    }
}

bool is_string_opcode(std::uint8_t opcode) {
    return (opcode >= 0xa4 && opcode <= 0xa7) || (opcode >= 0xaa && opcode <= 0xaf) ||
           (opcode >= 0x6c && opcode <= 0x6f);
}

struct Opcode {
    bool rep = false;
    std::span<const std::uint8_t> bytes; ///< from the opcode on
};

Opcode opcode_of(std::span<const std::uint8_t> instruction) {
    Opcode result;
    std::size_t i = 0;
    for (; i < instruction.size() && is_legacy_prefix(instruction[i]); ++i) {
        result.rep |= instruction[i] == 0xf2 || instruction[i] == 0xf3;
    }
    if (i < instruction.size() && (instruction[i] & 0xf0) == 0x40) ++i; // REX
    result.bytes = instruction.subspan(i);
    return result;
}

bool is_rep_string(std::span<const std::uint8_t> instruction) {
    const Opcode opcode = opcode_of(instruction);
    return opcode.rep && !opcode.bytes.empty() && is_string_opcode(opcode.bytes[0]);
}

/// movs and stos; the others of their kind compare, or reach ports.
bool is_fast_string(std::span<const std::uint8_t> instruction) {
    const Opcode opcode = opcode_of(instruction);
    return !opcode.bytes.empty() && (opcode.bytes[0] == 0xa4 || opcode.bytes[0] == 0xa5 ||
                                     opcode.bytes[0] == 0xaa || opcode.bytes[0] == 0xab);
}

/// Displacement of a direct branch from the instruction's end: its last 1 or 4 bytes.
std::uint64_t displacement(std::span<const std::uint8_t> instruction, std::size_t size) {
    if (size == 1) return static_cast<std::uint64_t>(static_cast<std::int8_t>(instruction.back()));
    std::int32_t value = 0;
    if (instruction.size() > 4) std::memcpy(&value, &instruction[instruction.size() - 4], 4);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

/// Source: Intel SDM vol. 2, appendix A (opcode maps).
void classify(BlockInfo& info, std::span<const std::uint8_t> last) {
    const Opcode opcode = opcode_of(last);
    info.successor = Successor::Next;
    if (opcode.bytes.empty()) return;
    const std::uint8_t first = opcode.bytes[0];
    const std::uint8_t second = opcode.bytes.size() > 1 ? opcode.bytes[1] : 0;
    const auto direct = [&](std::size_t size) {
        info.successor = Successor::NextOrTarget;
        info.target = info.end + displacement(last, size);
    };
    if ((first & 0xf0) == 0x70 || (first >= 0xe0 && first <= 0xe3) || first == 0xeb) {
        direct(1);
    } else if (first == 0xe8 || first == 0xe9 || (first == 0x0f && (second & 0xf0) == 0x80)) {
        direct(4);
    } else if (opcode.rep && is_string_opcode(first)) {
        info.successor = Successor::NextOrTarget;
        info.target = info.last_pc;
    } else if (first == 0x0f) {
        // syscall, sysret, ud2, sysenter, sysexit
        if (second == 0x05 || second == 0x07 || second == 0x0b || second == 0x34 || second == 0x35) {
            info.successor = Successor::Any;
        }
    } else if (first == 0xc2 || first == 0xc3 || (first >= 0xca && first <= 0xcf) || first == 0xf4 ||
               first == 0xf1) {
        info.successor = Successor::Any;
    } else if (first == 0xff && (second >> 3 & 7) >= 2 && (second >> 3 & 7) <= 5) {
        info.successor = Successor::Any;
    } else if (first == 0xc7 && second == 0xf8) { // xbegin
        info.successor = Successor::Any;
    }
}

} // namespace

void BlockDictionary::add(std::uint32_t id, VirtAddr pc, std::span<const std::uint8_t> lengths,
                          std::span<const std::uint8_t> bytes) {
    bool sound = id < max_blocks && !lengths.empty() && lengths.size() < 1024;
    for (const std::uint8_t length : lengths) sound &= length >= 1 && length <= 15;
    if (!sound || std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}) != bytes.size()) {
        throw RunError("block " + std::to_string(id) + " of the block dictionary is damaged");
    }
    const std::size_t chunk = id / chunk_size;
    if (chunk >= m_infos.size()) m_infos.resize(chunk + 1);
    if (m_infos[chunk] == nullptr) m_infos[chunk] = std::make_unique<Chunk>();
    BlockInfo& info = (*m_infos[chunk])[id % chunk_size];
    if (info.block != nullptr)
        throw RunError("block " + std::to_string(id) + " is twice in the block dictionary");

    StaticBlock& block = m_blocks.emplace_back();
    block.pc = pc;
    block.byte_count = static_cast<std::uint32_t>(bytes.size());
    block.instruction_count = static_cast<std::uint16_t>(lengths.size());
    block.lengths.assign(lengths.begin(), lengths.end());
    block.bytes.assign(bytes.begin(), bytes.end());
    block.rep_continuation = is_rep_string(bytes.first(lengths.front()));

    info.block = &block;
    info.pc = pc.value();
    info.end = block.end().value();
    info.last_pc = info.end - lengths.back();
    info.id = id;
    info.instruction_count = block.instruction_count;
    info.rep_continuation = block.rep_continuation;
    info.fast_string = block.rep_continuation && block.instruction_count == 1 && is_fast_string(bytes);
    classify(info, bytes.last(lengths.back()));
    m_added.push_back(id);
}

const BlockInfo* BlockDictionary::load(std::uint32_t id) {
    const std::size_t before = m_added.size();
    if (m_loader && id < max_blocks) m_loader(id);
    if (m_added.size() == before || m_added.back() != id) return nullptr;
    return &(*m_infos[id / chunk_size])[id % chunk_size];
}

} // namespace pagewalk::workloads
