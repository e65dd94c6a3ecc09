#include "workloads/synthetic/code.h"

#include "base/error.h"
#include "contract/register_names.h"

#include <algorithm>
#include <utility>

namespace pagewalk::workloads {

namespace {

constexpr RegisterId flags = flags_register;
constexpr RegisterId loaded = first_internal_register;
constexpr RegisterId changed = first_internal_register + 1;
constexpr std::uint8_t multiply_latency = 3;
constexpr std::uint8_t vector_float_latency = 4;

} // namespace

StaticBlock& Code::block() {
    StaticBlock& block = m_blocks.emplace_back();
    block.pc = m_pc;
    return block;
}

void Code::instruction(std::uint8_t bytes) {
    PAGEWALK_INVARIANT(!m_blocks.empty() && m_blocks.back().branch == BranchKind::None);
    StaticBlock& block = m_blocks.back();
    ++block.instruction_count;
    block.lengths.push_back(bytes);
    block.byte_count += bytes;
    m_pc += bytes;
    m_first_uop = true;
}

MicroOp& Code::uop(UopClass cls, std::initializer_list<Reg> sources, Reg destination, std::uint8_t latency) {
    StaticBlock& block = m_blocks.back();
    MicroOp& op = block.uops.emplace_back();
    op.cls = cls;
    op.latency = latency;
    std::ranges::copy(sources, op.sources.begin());
    op.destinations[0] = destination;
    op.instruction = static_cast<std::uint16_t>(block.instruction_count - 1);
    op.first_of_instruction = std::exchange(m_first_uop, false);
    return op;
}

void Code::load(Reg destination, std::initializer_list<Reg> address) {
    instruction(4);
    uop(UopClass::Load, address, destination, 0);
}

void Code::store(Reg value, std::initializer_list<Reg> address) {
    instruction(4);
    MicroOp& op = uop(UopClass::Store, {value});
    std::ranges::copy(address, op.sources.begin() + 1);
}

void Code::vector_load(Reg destination, std::initializer_list<Reg> address) {
    instruction(5);
    uop(UopClass::Load, address, destination, 0);
}

void Code::vector_store(Reg value, std::initializer_list<Reg> address) {
    instruction(5);
    MicroOp& op = uop(UopClass::Store, {value});
    std::ranges::copy(address, op.sources.begin() + 1);
}

void Code::vector_add(Reg destination, std::initializer_list<Reg> sources) {
    instruction(4);
    uop(UopClass::FpAdd, sources, destination, vector_float_latency);
}

void Code::vector_multiply(Reg destination, std::initializer_list<Reg> sources) {
    instruction(4);
    uop(UopClass::FpMul, sources, destination, vector_float_latency);
}

void Code::update(std::initializer_list<Reg> sources) {
    instruction(4);
    read_modify_write(UopClass::IntAlu, 1, sources);
}

void Code::locked_update(std::initializer_list<Reg> sources) {
    instruction(5);
    read_modify_write(UopClass::Serialize, locked_operation_latency, sources);
}

void Code::read_modify_write(UopClass cls, std::uint8_t latency, std::initializer_list<Reg> sources) {
    uop(UopClass::Load, sources, loaded, 0);
    MicroOp& operation = uop(cls, {loaded}, changed, latency);
    std::copy_n(sources.begin(), std::min<std::size_t>(sources.size(), 3), operation.sources.begin() + 1);
    operation.destinations[1] = flags;
    uop(UopClass::Store, {changed});
}

void Code::alu(Reg destination, std::initializer_list<Reg> sources) {
    instruction(3);
    uop(UopClass::IntAlu, sources, destination).destinations[1] = flags;
}

void Code::multiply(Reg destination, std::initializer_list<Reg> sources) {
    instruction(4);
    uop(UopClass::IntMul, sources, destination, multiply_latency);
}

void Code::compare(std::initializer_list<Reg> sources) {
    instruction(3);
    uop(UopClass::IntAlu, sources, flags);
}

void Code::branch(VirtAddr target) {
    instruction(2);
    uop(UopClass::Branch, {flags});
    m_blocks.back().branch = BranchKind::Conditional;
    m_blocks.back().target = target;
}

void Code::jump(VirtAddr target) {
    instruction(2);
    uop(UopClass::Branch, {});
    m_blocks.back().branch = BranchKind::DirectJump;
    m_blocks.back().target = target;
}

void Code::syscall() {
    constexpr Reg rax = 1, rdi = 2, rsi = 3;
    alu(rdi, {});
    alu(rsi, {});
    alu(rax, {});
    instruction(2);
    uop(UopClass::Serialize, {});
    m_blocks.back().branch = BranchKind::Syscall;
}

} // namespace pagewalk::workloads
