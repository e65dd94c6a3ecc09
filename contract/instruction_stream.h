#pragma once

#include "base/address.h"
#include "base/enum_table.h"
#include "base/ids.h"
#include "contract/process_record.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// What a workload says to a core: static basic blocks, decoded once, and for each execution the addresses
/// touched.
namespace pagewalk {

enum class UopClass : std::uint8_t {
    Nop, ///< takes a dispatch slot only
    IntAlu,
    IntMul,
    IntDiv,
    FpAdd,
    FpMul,
    FpDiv,
    VecAlu,
    Branch,
    Load,      ///< address generation and cache access
    Store,     ///< address generation; written to the cache after commit
    Serialize, ///< waits for all older micro-ops (cpuid, lock prefix, fences)
};
inline constexpr std::size_t uop_class_count = enum_count<UopClass>;
/// Of the Serialize of a locked read-modify-write, between its Load and its Store, in cycles. From one to the
/// next with both and an L1D of 5 cycles it is 18 (Fog, instruction tables, Ice Lake, lock add; fitted).
inline constexpr std::uint8_t locked_operation_latency = 6;

enum class BranchKind : std::uint8_t {
    None,
    Conditional,
    DirectJump,
    IndirectJump,
    DirectCall,
    IndirectCall,
    Return,
    Syscall, ///< ends a block; never predicted
};

/// Register names are small integers local to a stream; 0 means none. Sources may use all of 1..255.
using RegisterId = std::uint8_t;

/// One micro-op. Source order is program order; a memory instruction's Load comes before what consumes it.
struct MicroOp {
    UopClass cls = UopClass::Nop;
    std::uint8_t latency = 1; ///< cycles from issue to result; for Load the cycles beyond the cache's
    std::array<RegisterId, 4> sources{};
    std::array<RegisterId, 2> destinations{};
    std::uint16_t instruction = 0; ///< index in the block of the instruction it belongs to
    bool first_of_instruction = false;
    bool pipelined = true; ///< false: its port is busy for the whole latency (dividers)
};
static_assert(sizeof(MicroOp) == 12);

/// A straight line of instructions with one entry and one exit. Owned by the stream, valid until the stream
/// dies; its address identifies it.
struct StaticBlock {
    VirtAddr pc{};
    std::uint32_t byte_count = 0; ///< the next sequential block starts at pc + byte_count
    std::uint16_t instruction_count = 0;
    BranchKind branch = BranchKind::None; ///< of the last instruction
    VirtAddr target{};                    ///< of a direct branch
    /// The first instruction is an iteration of a rep-prefixed string instruction that is its own successor:
    /// when this block follows one whose last instruction is the same pc, it is a continuation and not a new
    /// instruction.
    bool rep_continuation = false;
    std::vector<std::uint8_t> bytes;   ///< machine code; empty when the source has none (ChampSim)
    std::vector<std::uint8_t> lengths; ///< bytes of each instruction
    std::vector<MicroOp> uops;         ///< filled by the source, or by the decoder where it is empty

    [[nodiscard]] VirtAddr end() const { return pc + byte_count; }
};

/// One access of one execution of a block, packed in 8 bytes: bits 0-47 address (sign-extended), 48-57
/// instruction index in the block, 58-60 log2 of the size in bytes, 61 store. Bits 62-63 are zero.
class MemoryReference {
public:
    constexpr MemoryReference() = default;
    constexpr explicit MemoryReference(std::uint64_t raw) : m_raw(raw) {}
    constexpr MemoryReference(VirtAddr address, unsigned instruction, unsigned size_log2, bool store)
        : m_raw((address.value() & address_mask) | static_cast<std::uint64_t>(instruction & 0x3ff) << 48 |
                static_cast<std::uint64_t>(size_log2 & 7) << 58 | static_cast<std::uint64_t>(store) << 61) {}

    [[nodiscard]] constexpr VirtAddr address() const {
        return VirtAddr(static_cast<std::uint64_t>(static_cast<std::int64_t>(m_raw << 16) >> 16));
    }
    [[nodiscard]] constexpr unsigned instruction() const {
        return static_cast<unsigned>(m_raw >> 48) & 0x3ff;
    }
    [[nodiscard]] constexpr std::uint32_t size() const {
        return 1U << (static_cast<unsigned>(m_raw >> 58) & 7);
    }
    [[nodiscard]] constexpr bool is_store() const { return (m_raw >> 61 & 1) != 0; }
    [[nodiscard]] constexpr std::uint64_t raw() const { return m_raw; }

private:
    static constexpr std::uint64_t address_mask = (1ULL << 48) - 1;
    std::uint64_t m_raw = 0;
};
static_assert(sizeof(MemoryReference) == 8);

/// One execution of a block. References are in execution order; an instruction that the core expects to touch
/// memory may have none (predicated off), or more than the core expects (a 32-byte access arrives as four of
/// 8 bytes).
struct BlockExecution {
    const StaticBlock* block = nullptr;
    const MemoryReference* references = nullptr;
    std::uint32_t reference_count = 0;
    std::uint32_t instruction_count =
        0; ///< executed; less than the block's when a fault or signal cut it short
};

/// A stretch of a program's memory.
struct UserSegment {
    VirtAddr address{};
    std::uint64_t bytes = 0;
};

/// A system call as the program made it.
struct SyscallRecord {
    std::uint32_t number = 0; ///< x86-64 numbering
    std::array<std::uint64_t, 6> arguments{};
    std::int64_t result = 0;       ///< as returned to the program; -errno on failure
    std::uint64_t enter_order = 0; ///< place among the ordered system calls of all threads; 0 = unordered
    std::uint64_t exit_order = 0;
    bool entered = false; ///< the core has been told of its beginning (StreamStatus::Entered)
    std::string path;     ///< the first file name that it is given, where the source has it
    /// What iovecs point to, of all messages in a row. Of a time or CPU mask: `bytes` is ns, or CPUs 0 to 63.
    std::vector<UserSegment> segments;
    /// New file descriptors that it wrote to memory (pipe, socketpair); -1: none, or the source lacks them.
    std::array<std::int32_t, 2> descriptors{-1, -1};
};

enum class StreamStatus : std::uint8_t {
    More,       ///< call fetch() again
    Entered,    ///< after the batch's blocks the thread enters `syscall`, which may block; its result is not
                ///< known yet, and SystemCall follows for the same call once it is
    SystemCall, ///< after the batch's blocks comes `syscall`
    NotYet,     ///< nothing may happen on this thread now: see InstructionStream::ready()
    End,        ///< the thread has exited or the trace is over
};

/// What fetch() returns. All pointers stay valid until the next fetch() on the same thread.
struct StreamBatch {
    std::span<const BlockExecution> blocks;
    StreamStatus status = StreamStatus::End;
    const SyscallRecord* syscall = nullptr;
};

/// Memory that a program has before its first instruction: what execve and the loader set up.
struct InitialMapping {
    VirtAddr start{};
    VirtAddr end{};
    bool readable = true, writable = false, executable = false;
    bool grows_down = false;       ///< the stack
    bool heap = false;             ///< [heap]: where brk starts
    bool of_kernel = false;        ///< vdso and the like: neither grows nor merges
    std::string file;              ///< empty = anonymous
    std::uint64_t file_offset = 0; ///< bytes
    /// What execve itself writes of it: arguments, the end of initialised data. Empty where it is not known.
    VirtAddr written_from{}, written_to{};
};

/// Identifies a thread's stream in its source; 0 is the first thread.
enum class ThreadIndex : std::uint32_t {};

/// The instruction stream of one thread. Contract: fetch() returns blocks in program order; it never returns
/// an empty batch with status More; after End it returns End again. A call of fetch() says that everything
/// handed out before has taken place in simulated time. Errors: RunError when the input proves damaged half
/// way.
class InstructionStream {
public:
    virtual ~InstructionStream() = default;
    [[nodiscard]] virtual StreamBatch fetch() = 0;
    /// After NotYet: would fetch() return something else now? Cheap, never waits. A live thread may be
    /// blocked in a system call, or have to wait until another thread has come far enough.
    [[nodiscard]] virtual bool ready() { return true; }
    /// After NotYet: it is not the source that is behind. Other threads must come further in simulated time
    /// first.
    [[nodiscard]] virtual bool waits_for_others() const { return false; }
    /// Where Workload::takes_places(): what the source has at [theirs, theirs + bytes), as an mmap, mremap or
    /// shmat of this thread has just returned it, lies at `ours` from now on, for all threads of the process.
    virtual void place(VirtAddr theirs, std::uint64_t bytes, VirtAddr ours) {
        (void)theirs, (void)bytes, (void)ours;
    }
    /// Do calls about the program's memory (calls_about_memory.h), once their beginning has been
    /// delivered, wait for what the OS layer answers? Otherwise their results are known when they return.
    [[nodiscard]] virtual bool takes_answers() const { return false; }
    /// The call whose beginning was delivered last returns `result`, or a negative errno; `data` is what it
    /// writes to memory, or the text of the file that it opens.
    virtual void answer(std::int64_t result, std::span<const std::byte> data) { (void)result, (void)data; }
};

/// A program or trace. A thread appears when its parent's clone, fork or vfork returns: the record's result
/// names it.
class Workload {
public:
    virtual ~Workload() = default;
    [[nodiscard]] virtual std::string description() const = 0;
    /// Known total number of instructions of all threads, 0 where it is not (live programs).
    [[nodiscard]] virtual std::uint64_t expected_instructions() const { return 0; }
    /// What thread 0's address space holds at the start. Empty: the OS layer maps each page on first touch.
    [[nodiscard]] virtual std::vector<InitialMapping> initial_mappings() const = 0;
    [[nodiscard]] virtual InstructionStream& thread(ThreadIndex index) = 0;
    /// The stream of the child that `parent`'s clone, fork or vfork returned as `child` (its id in the
    /// program's own world); null while a live source has not seen it start, or when it was never traced.
    [[nodiscard]] virtual InstructionStream* child(ThreadIndex parent, std::int64_t child) = 0;
    [[nodiscard]] virtual ThreadIndex index_of_child(ThreadIndex parent, std::int64_t child) = 0;
    /// The source cannot name what a page fault outside every mapping should do (ChampSim, lackey: no system
    /// calls): the OS layer treats any address as demand-zero memory.
    [[nodiscard]] virtual bool maps_on_touch() const { return false; }
    /// It is of a program that ran under a real kernel: every access in it was completed, whatever the OS
    /// layer thinks of the address.
    [[nodiscard]] virtual bool has_run() const { return false; }
    /// Memory that the program of this thread had before the first instruction of its present image: thread
    /// 0's at the start, another's after its execve (whose record's result is 0) has been delivered.
    [[nodiscard]] virtual std::vector<InitialMapping> image(ThreadIndex) const { return initial_mappings(); }
    /// No thread can go on in simulated time before a live source has news: waits in the host's time for
    /// some, at most `limit_us` microseconds. Returns whether there may be news.
    virtual bool wait_for_news(std::uint64_t limit_us) {
        (void)limit_us;
        return false;
    }
    /// Exit status of the program where there is one.
    [[nodiscard]] virtual int exit_status() const { return 0; }
    /// The program's processes so far, in the order in which they began; the first is the program itself.
    /// Empty where the source knows of none. Waits for the end of a program whose streams have ended.
    [[nodiscard]] virtual std::vector<ProcessRecord> processes() const { return {}; }
    /// It runs on the host while it is read: its standard streams are the user's.
    [[nodiscard]] virtual bool is_live() const { return false; }
    /// The OS layer chooses where memory lies that the program asked for: results of mmap, mremap and shmat
    /// are the source's own addresses, to be given to InstructionStream::place(); all else is in the OS
    /// layer's.
    [[nodiscard]] virtual bool takes_places() const { return false; }
    /// Why the streams lack some of what the program did; empty where they are whole so far.
    [[nodiscard]] virtual std::string missing() const { return {}; }
};

} // namespace pagewalk
