#pragma once

#include "contract/instruction_stream.h"

#include <deque>
#include <initializer_list>

namespace pagewalk::workloads {

/// Builds the static blocks of a synthetic program, one instruction a call, at consecutive addresses.
/// Instruction lengths are those of usual x86-64 encodings; latencies are of Intel Golden Cove (uops.info): 1
/// for integer and logic, 3 for multiplication, 4 for vector floating point addition and multiplication.
class Code {
public:
    explicit Code(VirtAddr start) : m_pc(start) {}

    /// Registers of the programs; 0 is none.
    using Reg = RegisterId;

    /// Ends the block before, if any, and starts one; its address is where the code goes on.
    StaticBlock& block();
    [[nodiscard]] VirtAddr here() const { return m_pc; }
    /// The code goes on elsewhere.
    void move_to(VirtAddr pc) { m_pc = pc; }

    void load(Reg destination, std::initializer_list<Reg> address);
    void store(Reg value, std::initializer_list<Reg> address);
    /// 32-byte vector accesses and operations.
    void vector_load(Reg destination, std::initializer_list<Reg> address);
    void vector_store(Reg value, std::initializer_list<Reg> address);
    void vector_add(Reg destination, std::initializer_list<Reg> sources);
    void vector_multiply(Reg destination, std::initializer_list<Reg> sources);
    /// One instruction that loads, changes and stores a word: two references.
    void update(std::initializer_list<Reg> sources);
    /// The same with a lock prefix.
    void locked_update(std::initializer_list<Reg> sources);
    void alu(Reg destination, std::initializer_list<Reg> sources);
    void multiply(Reg destination, std::initializer_list<Reg> sources);
    /// Sets the flags.
    void compare(std::initializer_list<Reg> sources);
    /// A target that lies ahead is set in the block once it is known.
    void branch(VirtAddr target = {});
    void jump(VirtAddr target = {});
    /// Sets arguments and number, then enters the kernel.
    void syscall();

private:
    void instruction(std::uint8_t bytes);
    void read_modify_write(UopClass cls, std::uint8_t latency, std::initializer_list<Reg> sources);
    MicroOp& uop(UopClass cls, std::initializer_list<Reg> sources, Reg destination = 0,
                 std::uint8_t latency = 1);

    VirtAddr m_pc;
    std::deque<StaticBlock> m_blocks;
    bool m_first_uop = false;
};

} // namespace pagewalk::workloads
