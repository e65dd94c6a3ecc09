#include "models/core/decoder.h"

#include "contract/register_names.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <Zydis/Zydis.h>

namespace pagewalk::models {
namespace {

// Between the micro-ops of one instruction.
constexpr RegisterId loaded_value = first_internal_register;
constexpr RegisterId second_loaded_value = first_internal_register + 1;
constexpr RegisterId computed_value = first_internal_register + 2;

RegisterId register_id(ZydisRegister reg) {
    if (reg == ZYDIS_REGISTER_NONE) return 0;
    const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    const ZydisRegister wide = whole == ZYDIS_REGISTER_NONE ? reg : whole;
    const auto id = static_cast<RegisterId>(ZydisRegisterGetId(wide));
    switch (ZydisRegisterGetClass(wide)) {
    case ZYDIS_REGCLASS_GPR64:
    case ZYDIS_REGCLASS_GPR32:
        return static_cast<RegisterId>(1 + id);
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
    case ZYDIS_REGCLASS_ZMM:
        return static_cast<RegisterId>(17 + (id & 31));
    case ZYDIS_REGCLASS_FLAGS:
        return flags_register;
    case ZYDIS_REGCLASS_X87:
    case ZYDIS_REGCLASS_MMX:
        return x87_register;
    case ZYDIS_REGCLASS_MASK:
        return static_cast<RegisterId>(mask_register_base + (id & 7));
    default:
        return 0; // rip, segments and control registers order nothing here
    }
}

struct Operation {
    UopClass cls = UopClass::IntAlu;
    std::uint8_t latency = 1;
    bool pipelined = true;
};

bool starts(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    return std::ranges::any_of(prefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
}

/// Latencies in cycles: Fog's instruction tables, Ice Lake, register forms.
Operation vector_operation(std::string_view name, bool touches_gpr) {
    if (name.starts_with('v')) name.remove_prefix(1);
    if (starts(name, {"div", "sqrt"}))
        return {UopClass::FpDiv, static_cast<std::uint8_t>(name.ends_with('d') ? 14 : 11), false};
    if (starts(name, {"mul", "fmadd", "fmsub", "fnmadd", "fnmsub", "rcp", "rsqrt", "dp"}))
        return {UopClass::FpMul, 4};
    if (starts(name, {"pmulld"})) return {UopClass::FpMul, 10};
    if (starts(name, {"pmul", "pmadd", "psadbw", "aes", "pclmul", "gf2"})) return {UopClass::FpMul, 5};
    if (starts(name, {"add", "sub", "min", "max", "hadd", "cvt", "round", "comi", "ucomi"}))
        return {UopClass::FpAdd, 4};
    if (starts(name, {"cmp"})) return {UopClass::FpAdd, 4};
    if (touches_gpr ||
        starts(name, {"pmovmsk", "movmsk", "ptest", "perm", "pcmpistr", "pcmpestr", "extract", "insert"}))
        return {UopClass::VecAlu, 3};
    return {UopClass::VecAlu, 1};
}

Operation operation_of(const ZydisDecodedInstruction& instruction, bool touches_gpr, bool touches_vector) {
    const std::string_view name = ZydisMnemonicGetString(instruction.mnemonic);
    if (starts(name, {"rdtsc", "pause"})) return {UopClass::IntAlu, 40};
    switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
    case ZYDIS_CATEGORY_CET:
    case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_CLDEMOTE:
        return {UopClass::Nop, 0};
    case ZYDIS_CATEGORY_SERIALIZE:
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_RDRAND:
    case ZYDIS_CATEGORY_RDSEED:
        return {UopClass::Serialize, 100};
    case ZYDIS_CATEGORY_XSAVE:
    case ZYDIS_CATEGORY_XSAVEOPT:
        return {UopClass::Serialize, 50};
    case ZYDIS_CATEGORY_X87_ALU:
        if (starts(name, {"fdiv", "fsqrt"})) return {UopClass::FpDiv, 15, false};
        return {UopClass::FpAdd, static_cast<std::uint8_t>(starts(name, {"fmul"})          ? 4
                                                           : starts(name, {"fxch", "fld"}) ? 1
                                                                                           : 3)};
    case ZYDIS_CATEGORY_SHIFT:
    case ZYDIS_CATEGORY_ROTATE:
        return {UopClass::IntAlu, 1};
    default:
        break;
    }
    if (!touches_vector && starts(name, {"div", "idiv"}))
        return {UopClass::IntDiv, static_cast<std::uint8_t>(instruction.operand_width == 64 ? 18 : 12),
                false};
    if (!touches_vector &&
        starts(name, {"mul", "imul", "popcnt", "lzcnt", "tzcnt", "bsf", "bsr", "pdep", "pext", "crc32"}))
        return {UopClass::IntMul, 3};
    if (starts(name, {"cpuid"})) return {UopClass::Serialize, 100};
    if (starts(name, {"lfence", "mfence"})) return {UopClass::Serialize, 30};
    switch (instruction.meta.isa_set) {
    case ZYDIS_ISA_SET_I86:
    case ZYDIS_ISA_SET_I186:
    case ZYDIS_ISA_SET_I386:
    case ZYDIS_ISA_SET_I486:
    case ZYDIS_ISA_SET_LONGMODE:
    case ZYDIS_ISA_SET_BMI1:
    case ZYDIS_ISA_SET_BMI2:
    case ZYDIS_ISA_SET_CMOV:
        return {UopClass::IntAlu, 1};
    default:
        break;
    }
    const bool vector = starts(ZydisCategoryGetString(instruction.meta.category),
                               {"SSE", "AVX", "MMX", "LOGICAL_FP", "CONVERT", "BLEND", "BROADCAST", "VFMA",
                                "AES", "VAES", "PCLMUL", "SHA", "STTNI", "GATHER"});
    const std::string_view isa = ZydisISASetGetString(instruction.meta.isa_set);
    if (vector || starts(isa, {"SSE", "AVX", "FMA", "F16C"}))
        return vector_operation(name, touches_gpr && touches_vector);
    return {UopClass::IntAlu, 1};
}

BranchKind branch_of(const ZydisDecodedInstruction& instruction, bool direct) {
    switch (instruction.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
        return BranchKind::Conditional;
    case ZYDIS_CATEGORY_UNCOND_BR:
        return direct ? BranchKind::DirectJump : BranchKind::IndirectJump;
    case ZYDIS_CATEGORY_CALL:
        return direct ? BranchKind::DirectCall : BranchKind::IndirectCall;
    case ZYDIS_CATEGORY_RET:
        return BranchKind::Return;
    case ZYDIS_CATEGORY_SYSCALL:
        return BranchKind::Syscall;
    default:
        return BranchKind::None;
    }
}

/// Collects the micro-ops of one instruction.
class Builder {
public:
    Builder(StaticBlock& block, std::uint16_t index)
        : m_block(block), m_index(index), m_first(block.uops.size()) {}

    MicroOp& add(Operation operation) {
        MicroOp uop;
        uop.cls = operation.cls;
        uop.latency = operation.latency;
        uop.pipelined = operation.pipelined;
        uop.instruction = m_index;
        uop.first_of_instruction = m_block.uops.size() == m_first;
        return m_block.uops.emplace_back(uop);
    }
    static void source(MicroOp& uop, RegisterId id) {
        if (id == 0 || std::ranges::find(uop.sources, id) != uop.sources.end()) return;
        if (const auto free = std::ranges::find(uop.sources, RegisterId{0}); free != uop.sources.end())
            *free = id;
    }
    static void destination(MicroOp& uop, RegisterId id) {
        if (id == 0 || std::ranges::find(uop.destinations, id) != uop.destinations.end()) return;
        if (const auto free = std::ranges::find(uop.destinations, RegisterId{0});
            free != uop.destinations.end())
            *free = id;
    }

private:
    StaticBlock& m_block;
    std::uint16_t m_index;
    std::size_t m_first;
};

bool is_zero_idiom(const ZydisDecodedInstruction& instruction, const ZydisDecodedOperand* operands) {
    if (operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER || instruction.operand_count_visible < 2)
        return false;
    const std::string_view name = ZydisMnemonicGetString(instruction.mnemonic);
    if (name != "sub" && !starts(name, {"xor", "pxor", "vpxor", "vxorp", "psub", "vpsub"})) return false;
    const auto& a = operands[instruction.operand_count_visible - 2];
    const auto& b = operands[instruction.operand_count_visible - 1];
    return a.type == ZYDIS_OPERAND_TYPE_REGISTER && b.type == ZYDIS_OPERAND_TYPE_REGISTER &&
           a.reg.value == b.reg.value;
}

bool is_plain_move(const ZydisDecodedInstruction& instruction) {
    return instruction.meta.category == ZYDIS_CATEGORY_DATAXFER &&
           instruction.mnemonic != ZYDIS_MNEMONIC_XCHG;
}

void decode_instruction(StaticBlock& block, std::uint16_t index, const ZydisDecodedInstruction& instruction,
                        const ZydisDecodedOperand* operands, VirtAddr pc) {
    Builder build(block, index);
    const auto count = instruction.operand_count;
    const bool direct = operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    const BranchKind branch = branch_of(instruction, direct);
    if (index + 1 == block.instruction_count) {
        block.branch = branch;
        if (ZyanU64 target = 0;
            branch != BranchKind::None && direct &&
            ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction, &operands[0], pc.value(), &target)))
            block.target = VirtAddr(target);
    }
    const bool zero_idiom = is_zero_idiom(instruction, operands);
    const bool locked =
        (instruction.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0 ||
        (instruction.mnemonic == ZYDIS_MNEMONIC_XCHG &&
         (operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY || operands[1].type == ZYDIS_OPERAND_TYPE_MEMORY));

    std::array<RegisterId, 16> reads{};
    std::array<RegisterId, 16> writes{};
    std::size_t read_count = 0, write_count = 0;
    bool touches_gpr = false, touches_vector = false;
    std::array<const ZydisDecodedOperand*, 2> loads{}, stores{};
    std::size_t load_count = 0, store_count = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const ZydisDecodedOperand& operand = operands[i];
        if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
            const RegisterId id = register_id(operand.reg.value);
            touches_gpr |= id >= 1 && id <= 16;
            touches_vector |= id >= 17 && id <= 48;
            if (id == 0) continue;
            // What is written under a condition keeps its old value otherwise.
            if ((operand.actions & (ZYDIS_OPERAND_ACTION_MASK_READ | ZYDIS_OPERAND_ACTION_CONDWRITE)) != 0 &&
                !zero_idiom && read_count < reads.size())
                reads[read_count++] = id;
            if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 && write_count < writes.size())
                writes[write_count++] = id;
        } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_MEM) {
            if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0 && load_count < loads.size())
                loads[load_count++] = &operand;
            if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 && store_count < stores.size())
                stores[store_count++] = &operand;
        } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.type == ZYDIS_MEMOP_TYPE_VSIB &&
                   load_count == 0) {
            loads[load_count++] = &operand;
        }
    }
    const Operation operation = operation_of(instruction, touches_gpr, touches_vector);
    if (operation.cls == UopClass::Nop) {
        build.add(operation);
        return;
    }
    auto address_sources = [&](MicroOp& uop, const ZydisDecodedOperand& operand) {
        Builder::source(uop, register_id(operand.mem.base));
        Builder::source(uop, register_id(operand.mem.index));
    };
    const bool vector_move = touches_vector && starts(ZydisMnemonicGetString(instruction.mnemonic),
                                                      {"mov", "vmov", "lddqu", "vlddqu"});
    const bool move = is_plain_move(instruction) || vector_move;
    const bool stack =
        instruction.meta.category == ZYDIS_CATEGORY_PUSH || instruction.meta.category == ZYDIS_CATEGORY_POP;

    for (std::size_t i = 0; i < load_count; ++i) {
        MicroOp& load = build.add({UopClass::Load, 0});
        address_sources(load, *loads[i]);
        const bool whole = (move || stack) && store_count == 0;
        if (whole)
            for (std::size_t w = 0; w < write_count; ++w) {
                if (writes[w] != 5 || !stack)
                    Builder::destination(load, writes[w]); // 5: rsp, renamed by the stack engine
            }
        else
            Builder::destination(load, i == 0 ? loaded_value : second_loaded_value);
    }
    const bool load_only = (move || stack) && load_count != 0 && store_count == 0;
    const bool store_only = (move || stack) && store_count != 0 && load_count == 0;
    const bool computes =
        !load_only && !store_only && (branch == BranchKind::None || load_count + store_count == 0);
    if (computes) {
        Operation compute = operation;
        if (locked) compute = {UopClass::Serialize, locked_operation_latency};
        if (branch != BranchKind::None && branch != BranchKind::Syscall) compute = {UopClass::Branch, 1};
        if (branch == BranchKind::Syscall) compute = {UopClass::Serialize, 1};
        if (zero_idiom || (move && load_count + store_count == 0 && !(touches_gpr && touches_vector) &&
                           operation.latency <= 1))
            compute = {UopClass::Nop, 0}; // eliminated at rename
        MicroOp& uop = build.add(compute);
        if (load_count > 0) Builder::source(uop, loaded_value);
        if (load_count > 1) Builder::source(uop, second_loaded_value);
        for (std::size_t r = 0; r < read_count; ++r) Builder::source(uop, reads[r]);
        if (instruction.mnemonic == ZYDIS_MNEMONIC_LEA) address_sources(uop, operands[1]);
        for (std::size_t w = 0; w < write_count; ++w) Builder::destination(uop, writes[w]);
        if (store_count > 0) {
            // Keep the value for the store; the second destination, where taken, stays the first register
            // written.
            if (uop.destinations[0] != 0 && uop.destinations[1] != 0) uop.destinations[1] = 0;
            Builder::destination(uop, computed_value);
        }
    }
    for (std::size_t i = 0; i < store_count; ++i) {
        MicroOp& store = build.add({UopClass::Store, 1});
        address_sources(store, *stores[i]);
        if (computes)
            Builder::source(store, computed_value);
        else if (load_count > 0)
            Builder::source(store, loaded_value);
        else
            for (std::size_t r = 0; r < read_count; ++r) Builder::source(store, reads[r]);
    }
    if (branch != BranchKind::None && !computes) {
        MicroOp& uop = build.add({UopClass::Branch, 1});
        if (load_count > 0) Builder::source(uop, loaded_value);
        for (std::size_t r = 0; r < read_count; ++r)
            if (reads[r] != 5) Builder::source(uop, reads[r]);
    }
}

} // namespace

void decode(StaticBlock& block) {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    std::size_t offset = 0;
    block.uops.clear();
    for (std::uint16_t index = 0; index < block.instruction_count; ++index) {
        const std::size_t length = block.lengths[index];
        ZydisDecodedInstruction instruction;
        std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands{};
        const bool known = ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, block.bytes.data() + offset, length,
                                                               &instruction, operands.data()));
        if (known) {
            const bool string = (instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
                                                           ZYDIS_ATTRIB_HAS_REPNE)) != 0;
            if (index == 0 && string) block.rep_continuation = true;
            decode_instruction(block, index, instruction, operands.data(), block.pc + offset);
        } else {
            Builder(block, index).add({UopClass::Nop, 0});
        }
        offset += length;
    }
}

} // namespace pagewalk::models
