#include "workloads/qemu/event_words.h"
#include "workloads/qemu/plugin/call_memory.h"
#include "workloads/qemu/plugin/descriptor_tables.h"
#include "workloads/qemu/plugin/fixed_remap.h"
#include "workloads/qemu/plugin/hugetlb_areas.h"
#include "workloads/qemu/plugin/left_out_calls.h"
#include "workloads/qemu/plugin/memory_answers.h"
#include "workloads/qemu/plugin/ordered_calls.h"
#include "workloads/qemu/plugin/qemu_plugin_api.h"
#include "workloads/qemu/plugin/ring_writer.h"
#include "workloads/qemu/plugin/signal_frames.h"
#include "workloads/qemu/plugin/space_lock.h"
#include "workloads/qemu/plugin/vfork_wait.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <Zydis/Zydis.h>

/// The plugin that runs inside qemu-x86_64. A block is described once, when QEMU translates it; an execution
/// then costs one word for the block and one for each memory access, written to the thread's ring.
///
/// Arguments: `segment=FILE` the shared segment; `ring=N`: this is what a thread of the program, the one that
/// writes to ring N, has executed, and its stream goes on. With `probe=FD`: write /proc/self/maps there once
/// the program is loaded and leave before its first instruction. With `map=FILE`: write it there, then
/// execute QEMU again without its log and this argument.
int qemu_plugin_version = 1;

namespace pagewalk::workloads {
namespace {

constexpr std::uint64_t address_mask = (1ULL << 48) - 1;
constexpr int lowest_kept_descriptor = 1000; // of 1024 that there are by default

struct TranslatedBlock {
    std::uint64_t pc = 0;
    std::uint32_t byte_count = 0;
    std::uint16_t instruction_count = 0;
    std::array<std::uint8_t, 1024> lengths{};
    std::array<std::uint8_t, 1024 * 16> bytes{};
};

/// What a thread's system call in progress has taken and its return must take or give back.
struct CallState {
    bool ordered = false;
    bool locked = false;                   ///< holds the space lock
    bool changes_space = false;            ///< and counts in the space epoch
    std::uint32_t vfork = VforkWait::none; ///< where it meets its child
    std::uint64_t descriptors = 0;         ///< where it writes two; 0: it does not
    CallMemory memory;
    CallArguments arguments{};
    ReturnRegister rax;
    FixedRemap remap;
    SignalFrames::Registers registers = nullptr; ///< of the thread; null: not seen yet
};

/// QEMU's callbacks carry no pointer of the plugin's own, so this is the plugin's one object.
struct Plugin {
    RingWriter writer{nullptr};
    /// Stands for "no ring yet": full, so that a thread's first block takes the slow path.
    RingControl unclaimed{};
    /// By a hash of pc and bytes: code that is written anew in place shares its pc with all it was before.
    std::unordered_multimap<std::uint64_t, std::uint32_t> blocks;
    TranslatedBlock translating; ///< QEMU translates one block at a time
    SpaceLock space;
    HugetlbAreas hugetlb;
    VforkWait vfork;
    SignalFrames signals;
    DescriptorTables tables;
    bool tables_sought = false;
    std::unordered_set<std::uint64_t> after_calls; ///< addresses of what follows a syscall instruction
    bool sees_rax = false;
    pid_t pid = 0;
    int executed_in = -1; ///< ring of the thread whose execve made this image, until it runs; -1: none
    std::string segment_file;
    bool keeps_segment = false; ///< open, for what comes after the next execve
};
Plugin plugin;

/// By virtual CPU. Apart from the plugin's other parts, in memory that is zero by itself: so that it takes
/// none where there are no threads.
constinit std::array<RingControl*, max_vcpus> rings{};
constinit std::array<CallState*, max_vcpus> calls{};

inline void append(RingControl& ring, std::uint64_t word) {
    std::uint64_t* const cursor = ring.cursor;
    *cursor = word;
    std::atomic_signal_fence(std::memory_order_release); // a killed program's ring is read up to the cursor
    ring.cursor = cursor + 1;
}

/// The ring of the thread that has executed this image. Its execve returns there, in the new image's first
/// words.
RingControl* continued_ring() {
    const auto number = static_cast<std::uint32_t>(std::exchange(plugin.executed_in, -1));
    RingControl* const ring = plugin.writer.continue_ring(number);
    plugin.space.go_on_from(ring->epoch);
    append(*ring, event_header(EventKind::SyscallReturn, return_payload_words));
    for (const std::uint64_t word : {std::uint64_t{SYS_execve}, std::uint64_t{0}, plugin.writer.next_order()})
        append(*ring, word);
    ring->images.fetch_add(1);
    return ring;
}

RingControl& claimed_ring(unsigned vcpu) {
    RingControl*& ring = rings[vcpu];
    if (ring == &plugin.unclaimed)
        ring = plugin.executed_in >= 0 ? continued_ring() : plugin.writer.claim(plugin.space.epoch());
    return *ring;
}

[[gnu::noinline]] RingControl& ring_with_room(unsigned vcpu) {
    RingControl& ring = claimed_ring(vcpu);
    if (ring.cursor >= ring.limit) plugin.writer.make_room(ring);
    return ring;
}

/// Notes that other threads have begun or ended changes of the address space since the last note.
inline void note_epoch(RingControl& ring) {
    const std::uint64_t epoch = plugin.space.epoch();
    if (ring.epoch == epoch) [[likely]]
        return;
    ring.epoch = epoch;
    append(ring, event_header(EventKind::SpaceEpoch, 1));
    append(ring, epoch);
}

void on_block(unsigned vcpu, void* word) {
    RingControl* ring = rings[vcpu];
    if (ring->cursor >= ring->limit) [[unlikely]]
        ring = &ring_with_room(vcpu);
    note_epoch(*ring);
    append(*ring, reinterpret_cast<std::uint64_t>(word));
}

/// Reads QEMU's packed access description directly; installed only where layout_is_known().
void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, std::uint64_t address, void* word) {
    append(*rings[vcpu], (address & address_mask) | reinterpret_cast<std::uint64_t>(word) |
                             static_cast<std::uint64_t>(info >> 4 & 7) << 58 |
                             static_cast<std::uint64_t>(info >> 17 & 1) << 61);
}

void on_access_portable(unsigned vcpu, qemu_plugin_meminfo_t info, std::uint64_t address, void* word) {
    append(*rings[vcpu], (address & address_mask) | reinterpret_cast<std::uint64_t>(word) |
                             static_cast<std::uint64_t>(qemu_plugin_mem_size_shift(info) & 7) << 58 |
                             static_cast<std::uint64_t>(qemu_plugin_mem_is_store(info)) << 61);
}

/// For instructions to which reads of the descriptor tables are ascribed.
template <qemu_plugin_vcpu_mem_cb_t access>
void on_access_beside_tables(unsigned vcpu, qemu_plugin_meminfo_t info, std::uint64_t address, void* word) {
    if (!plugin.tables.contain(address)) access(vcpu, info, address, word);
}

/// Two calls into QEMU for each access cost more than the rest; ask once whether its packing is the one
/// on_access() reads.
bool layout_is_known() {
    for (qemu_plugin_meminfo_t info = 0; info < 1U << 18; ++info) {
        if (qemu_plugin_mem_size_shift(info) != (info >> 4 & 7)) return false;
        if (qemu_plugin_mem_is_store(info) != ((info >> 17 & 1) != 0)) return false;
    }
    return true;
}

bool same_block(const BlockEntry& entry, const TranslatedBlock& block) {
    const std::uint8_t* stored = plugin.writer.segment().bytes() + entry.offset;
    return entry.pc == block.pc && entry.instruction_count == block.instruction_count &&
           entry.byte_count == block.byte_count &&
           std::memcmp(stored, block.lengths.data(), block.instruction_count) == 0 &&
           std::memcmp(stored + block.instruction_count, block.bytes.data(), block.byte_count) == 0;
}

std::uint64_t hash_of(const TranslatedBlock& block) {
    const std::string_view bytes(reinterpret_cast<const char*>(block.bytes.data()), block.byte_count);
    return std::hash<std::string_view>()(bytes) ^ block.pc * 0x9e37'79b9'7f4a'7c15ULL;
}

/// The id of the block in the dictionary; a block that QEMU translates again keeps its id.
std::uint32_t id_of(const TranslatedBlock& block) {
    const SegmentView segment = plugin.writer.segment();
    const std::uint64_t hash = hash_of(block);
    const auto [first, last] = plugin.blocks.equal_range(hash);
    for (auto it = first; it != last; ++it) {
        if (same_block(segment.block(it->second), block)) return it->second;
    }
    const std::uint64_t size = block.instruction_count + block.byte_count;
    const std::uint32_t id = segment.header().block_count.fetch_add(1);
    const std::uint64_t offset = segment.header().block_bytes.fetch_add(size);
    if (id >= max_blocks || offset + size > max_block_bytes)
        plugin.writer.fail(SegmentFailure::DictionaryFull);
    std::memcpy(segment.bytes() + offset, block.lengths.data(), block.instruction_count);
    std::memcpy(segment.bytes() + offset + block.instruction_count, block.bytes.data(), block.byte_count);
    BlockEntry& entry = segment.block(id);
    entry.pc = block.pc;
    entry.offset = offset;
    entry.byte_count = block.byte_count;
    entry.instruction_count = block.instruction_count;
    entry.ready.store(1, std::memory_order_release);
    plugin.blocks.emplace(hash, id);
    return id;
}

/// QEMU 7.2 takes an instruction that crosses into the next page back, unless it is the block's first, but
/// goes on showing the bytes it had read of it: true when the last instruction is such a stump.
bool ends_in_stump(const TranslatedBlock& block) {
    const std::uint8_t size = block.lengths[block.instruction_count - 1];
    const std::uint64_t last = block.pc + block.byte_count - size;
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t longest = 15;
    if (block.instruction_count == 1 || last % page + longest <= page) return false;
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecodedInstruction instruction;
    const auto status = ZydisDecoderDecodeInstruction(
        &decoder, nullptr, &block.bytes[block.byte_count - size], size, &instruction);
    return status == ZYDIS_STATUS_NO_MORE_DATA;
}

extern "C" [[gnu::used, gnu::visibility("hidden")]] void
pagewalk_on_return_to_program(unsigned vcpu, std::uint64_t* registers) {
    if (calls[vcpu]->rax.arrive(*registers)) plugin.sees_rax = true;
}

extern "C" [[gnu::used, gnu::visibility("hidden")]] void pagewalk_on_handler(unsigned vcpu,
                                                                             std::uint64_t* registers) {
    if (!plugin.sees_rax) return;
    calls[vcpu]->registers = registers;
    plugin.signals.enter(registers);
}

/// The block after a system call begins; rbp is QEMU's.
[[gnu::naked]] void on_return_to_program(unsigned, void*) {
    asm("mov %rbp, %rsi\n\tjmp pagewalk_on_return_to_program");
}

/// The same for what may be a signal's handler.
[[gnu::naked]] void on_handler(unsigned, void*) { asm("mov %rbp, %rsi\n\tjmp pagewalk_on_handler"); }

/// Has the block's beginning, or what comes after it, seen where it follows a system call.
void watch_returns(qemu_plugin_tb* tb, const TranslatedBlock& block) {
    if (plugin.after_calls.contains(block.pc))
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_return_to_program, QEMU_PLUGIN_CB_NO_REGS, nullptr);
    if (plugin.signals.is_handler(block.pc))
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_handler, QEMU_PLUGIN_CB_NO_REGS, nullptr);
    const std::uint8_t* const end = &block.bytes[block.byte_count];
    if (block.byte_count >= 2 && end[-2] == 0x0f && end[-1] == 0x05)
        plugin.after_calls.insert(block.pc + block.byte_count);
}

template <qemu_plugin_vcpu_mem_cb_t access>
void on_translation(qemu_plugin_id_t, qemu_plugin_tb* tb) {
    if (!plugin.tables_sought) {
        plugin.tables_sought = true;
        plugin.tables = find_descriptor_tables();
    }
    TranslatedBlock& block = plugin.translating;
    const std::size_t count = std::min(qemu_plugin_tb_n_insns(tb), block.lengths.size() - 1);
    block.pc = qemu_plugin_tb_vaddr(tb);
    block.byte_count = 0;
    block.instruction_count = static_cast<std::uint16_t>(count);
    for (std::size_t i = 0; i < count; ++i) {
        qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(tb, i);
        const std::size_t size = std::min<std::size_t>(qemu_plugin_insn_size(instruction), 15);
        block.lengths[i] = static_cast<std::uint8_t>(size);
        std::memcpy(&block.bytes[block.byte_count], qemu_plugin_insn_data(instruction), size);
        block.byte_count += static_cast<std::uint32_t>(size);
        const bool beside_tables =
            i + 1 == count || reads_descriptor(&block.bytes[block.byte_count - size], size);
        qemu_plugin_register_vcpu_mem_cb(
            instruction, beside_tables ? on_access_beside_tables<access> : access, QEMU_PLUGIN_CB_NO_REGS,
            QEMU_PLUGIN_MEM_RW, reinterpret_cast<void*>(static_cast<std::uint64_t>(i) << 48));
    }
    if (ends_in_stump(block)) block.byte_count -= block.lengths[--block.instruction_count];
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS,
                                         reinterpret_cast<void*>(block_word | id_of(block)));
    watch_returns(tb, block);
}

/// In the order of system calls, too, the child's execve or exit comes before its caller's return.
void wait_as_vfork_does(std::uint32_t place, pid_t child) {
    const bool follows = plugin.writer.segment().header().follows_execve != 0;
    plugin.writer.wait_until([&] {
        return plugin.vfork.is_over(place, child) ||
               (follows ? plugin.writer.has_executed(child) : plugin.vfork.has_executed(place, child));
    });
}

/// Do calls about memory wait for the simulator?
bool is_answered() { return plugin.writer.segment().header().answers != 0; }

/// Draws the call's next order number and notes the epoch, in one piece: a change that is noted here has
/// lower numbers, one that is not has higher ones. So a thread never waits, through the order of calls, for a
/// change that itself waits until the thread has come to its epoch.
std::uint64_t draw_order(const CallState& call, RingControl& ring) {
    const bool locks = call.ordered && !call.locked && plugin.space.is_shared();
    if (locks) plugin.space.lock();
    note_epoch(ring);
    const std::uint64_t order = call.ordered ? plugin.writer.next_order() : 0;
    if (locks) plugin.space.unlock();
    return order;
}

/// Where a call stands among those of other threads.
struct CallPlace {
    std::uint64_t order = 0;
    std::uint64_t change = 0; ///< the epoch that it begins where it changes what other threads could see
};

/// Takes what a call needs and notes what other threads did before.
CallPlace enter_call(CallState& call, RingControl& ring, std::uint64_t number) {
    call.ordered = is_ordered(number, call.arguments[0]);
    // The simulator answers it meanwhile, and may need what others are about to do for that.
    const bool is_asked = calls_about_memory::maps_hugetlb(number, call.arguments) && is_answered();
    call.changes_space = changes_space(number) && plugin.space.is_shared() && !is_asked;
    call.locked = call.changes_space || creates_task(number);
    if (call.locked) plugin.space.lock();
    if (!call.changes_space) return {draw_order(call, ring), 0};
    note_epoch(ring);
    const std::uint64_t change = ring.epoch = plugin.space.advance();
    return {call.ordered ? plugin.writer.next_order() : 0, change};
}

void release_space(CallState& call) {
    if (call.locked) plugin.space.unlock();
    call.locked = false;
}

void append_enter(RingControl& ring, std::uint64_t number, const CallArguments& arguments,
                  std::uint64_t order, std::uint64_t change, const CallMemory& memory) {
    const std::size_t path_words = (memory.path().size() + 7) / 8;
    append(ring,
           event_header(EventKind::SyscallEnter, static_cast<std::uint32_t>(enter_payload_words + path_words +
                                                                            2 * memory.segments().size())));
    append(ring, number);
    for (const std::uint64_t argument : arguments) append(ring, argument);
    append(ring, order);
    append(ring, memory.path().size());
    append(ring, change);
    for (std::size_t i = 0; i < path_words; ++i) {
        std::uint64_t word = 0;
        const std::string_view part = memory.path().substr(i * 8, 8);
        std::memcpy(&word, part.data(), part.size());
        append(ring, word);
    }
    for (const iovec& segment : memory.segments()) {
        append(ring, reinterpret_cast<std::uint64_t>(segment.iov_base));
        append(ring, segment.iov_len);
    }
}

void expect_answer(const RingControl& ring) { plugin.writer.segment().answer(ring).ready.store(0); }

const AnswerArea& wait_for_answer(const RingControl& ring) {
    const AnswerArea& answer = plugin.writer.segment().answer(ring);
    plugin.writer.wait_until([&] { return answer.ready.load(std::memory_order_acquire) != 0; });
    return answer;
}

void append_return(RingControl& ring, std::uint64_t number, std::int64_t result, std::uint64_t order) {
    append(ring, event_header(EventKind::SyscallReturn, return_payload_words));
    append(ring, number);
    append(ring, static_cast<std::uint64_t>(result));
    append(ring, order);
}

/// The result of a call about memory, as the simulator answers. One about more pages than a call can tell is
/// several to it.
std::int64_t ask_simulator(unsigned vcpu, CallState& call, std::uint64_t number) {
    CallArguments arguments = call.arguments;
    std::int64_t left_behind = 0; // pages
    while (true) {
        RingControl& ring = ring_with_room(vcpu);
        const AnswerArea& answer = wait_for_answer(ring);
        const std::int64_t result = MemoryAnswers::deliver(number, arguments, answer.result,
                                                           std::span(answer.data).first(answer.size));
        if (result < 0) return result;
        left_behind += result;
        if (!MemoryAnswers::go_on(number, arguments)) return left_behind;
        append_return(ring, number, result, draw_order(call, ring));
        call.memory.read(plugin.pid, number, arguments);
        expect_answer(ring);
        append_enter(ring, number, arguments, draw_order(call, ring), 0, call.memory);
        plugin.writer.publish(ring);
    }
}

bool changes_user(std::uint64_t number) {
    switch (number) {
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setfsuid:
    case SYS_setfsgid:
    case SYS_setgroups:
    case SYS_capset:
        return true;
    default:
        return false;
    }
}

/// Another user may not open what Pagewalk holds: what this process executes as one finds it open, under a
/// high number that no program expects.
void keep_segment_open() {
    if (std::exchange(plugin.keeps_segment, true)) return;
    const int fd = open(plugin.segment_file.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    for (const int least : {lowest_kept_descriptor, 64})
        if (fcntl(fd, F_DUPFD, least) >= 0) break;
    close(fd);
}

void on_syscall(qemu_plugin_id_t, unsigned vcpu, std::int64_t signed_number, std::uint64_t a1,
                std::uint64_t a2, std::uint64_t a3, std::uint64_t a4, std::uint64_t a5, std::uint64_t a6,
                std::uint64_t, std::uint64_t) {
    const auto number = static_cast<std::uint64_t>(signed_number);
    const CallArguments arguments{a1, a2, a3, a4, a5, a6};
    RingControl& ring = ring_with_room(vcpu);
    if (changes_user(number)) [[unlikely]]
        keep_segment_open();
    CallState& call = *calls[vcpu];
    if (number == SYS_rt_sigaction) plugin.signals.note_action(a2);
    if (number == SYS_rt_sigreturn && call.registers != nullptr) SignalFrames::leave(call.registers);
    call.arguments = arguments;
    call.memory.read(plugin.pid, number, arguments);
    call.remap.begin(number, arguments);
    call.descriptors = descriptors_argument(number, arguments);
    call.vfork = waits_for_child(number, a1) ? plugin.vfork.begin() : VforkWait::none;
    const CallPlace place = enter_call(call, ring, number);
    plugin.hugetlb.begin(number, arguments);
    plugin.vfork.note_call(number); // a vfork's caller returns after its child's exit in that order, too
    const bool opens = calls_about_memory::opens_file(number, call.memory.path());
    if (opens || calls_about_memory::is_answered(number, arguments)) expect_answer(ring);
    append_enter(ring, number, arguments, place.order, place.change, call.memory);
    if (never_returns(number)) {
        append(ring, event_header(EventKind::ThreadEnd, 0));
        plugin.writer.release(ring);
        rings[vcpu] = &plugin.unclaimed;
        plugin.space.drop_thread();
    } else {
        plugin.writer.publish(ring);
        if (opens && is_answered()) wait_for_answer(ring); // the file is written
    }
}

/// mmap with MAP_HUGETLB, of the simulated kernel's pools.
std::int64_t map_hugetlb(unsigned vcpu, CallState& call, std::uint64_t number, std::int64_t result) {
    const std::int64_t answer = ask_simulator(vcpu, call, number);
    std::int64_t pages = 0;
    const AnswerArea& area = plugin.writer.segment().answer(claimed_ring(vcpu));
    if (area.size == sizeof pages) std::memcpy(&pages, area.data.data(), sizeof pages);
    const bool locks = plugin.space.is_shared();
    if (locks) plugin.space.lock();
    const std::int64_t mapped = plugin.hugetlb.map(call.arguments, answer, result, pages);
    if (locks) plugin.space.unlock();
    return mapped;
}

/// The result that the program gets.
std::int64_t told_result(unsigned vcpu, CallState& call, std::uint64_t number, std::int64_t result) {
    std::optional<std::int64_t> instead;
    if (plugin.sees_rax) {
        const bool asks = calls_about_memory::is_about_nodes(number, call.arguments) && is_answered();
        if (asks && result == -ENOSYS)
            instead = ask_simulator(vcpu, call, number);
        else if (calls_about_memory::maps_hugetlb(number, call.arguments) && is_answered())
            instead = map_hugetlb(vcpu, call, number, result);
        else if (const std::int64_t kept = plugin.hugetlb.end(number, call.arguments, result); kept != result)
            instead = kept;
        else if (LeftOutCalls::contains(number, call.arguments, result))
            instead = LeftOutCalls::make(number, call.arguments);
        else if (const std::int64_t remapped = call.remap.end(result); remapped != result)
            instead = remapped;
    }
    call.rax.expect(result, instead);
    return instead.value_or(result);
}

void on_syscall_return(qemu_plugin_id_t, unsigned vcpu, std::int64_t number, std::int64_t result) {
    if (plugin.pid != getpid()) {
        // A child after fork: the ring it inherited is its parent's.
        plugin.pid = getpid();
        rings[vcpu] = &plugin.unclaimed;
        plugin.vfork.become_child(calls[vcpu]->vfork);
        *calls[vcpu] = {};
        plugin.space.become_child();
        return;
    }
    plugin.vfork.note_return(static_cast<std::uint64_t>(number));
    CallState& call = *calls[vcpu];
    result = told_result(vcpu, call, static_cast<std::uint64_t>(number), result);
    call.memory.note_return(result);
    if (call.vfork != VforkWait::none && result > 0) {
        release_space(call);
        wait_as_vfork_does(call.vfork, static_cast<pid_t>(result));
    }
    // Under the space lock nothing is waited for: the call's beginning has left enough room.
    RingControl& ring = call.locked ? claimed_ring(vcpu) : ring_with_room(vcpu);
    const std::uint64_t order = call.changes_space ? plugin.writer.next_order() : draw_order(call, ring);
    if (call.changes_space) ring.epoch = plugin.space.advance(); // its own end needs no note
    const bool has_descriptors = call.descriptors != 0 && result == 0;
    append(ring, event_header(EventKind::SyscallReturn, return_payload_words + (has_descriptors ? 1 : 0)));
    append(ring, static_cast<std::uint64_t>(number));
    append(ring, static_cast<std::uint64_t>(result));
    append(ring, order);
    if (has_descriptors) append(ring, call.memory.read_descriptors(call.descriptors));
    plugin.writer.publish(ring);
    release_space(call);
}

void on_vcpu_init(qemu_plugin_id_t, unsigned vcpu) {
    if (vcpu >= max_vcpus) plugin.writer.fail(SegmentFailure::TooManyThreads);
    // Runs in the thread that calls clone; the new thread claims its ring with its first block.
    rings[vcpu] = &plugin.unclaimed;
    if (calls[vcpu] == nullptr) calls[vcpu] = new CallState; // for as long as QEMU runs
    plugin.space.add_thread();
}

int probe_fd = -1;
std::string map_file; // QEMU frees the arguments

void write_host_map(int target) {
    const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(maps, buffer.data(), buffer.size())) > 0;) {
        if (write(target, buffer.data(), static_cast<std::size_t>(got)) != got) _exit(1);
    }
    close(maps);
    std::fflush(nullptr); // QEMU's log
}

void probe_at_first_translation(qemu_plugin_id_t, qemu_plugin_tb*) {
    write_host_map(probe_fd);
    _exit(0);
}

std::string read_file(const char* name) {
    std::string text;
    std::array<char, 4096> buffer{};
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    close(fd);
    return text;
}

/// QEMU's log stays open in it, so that the program would find a descriptor more.
void close_log_at_execve() {
    DIR* const descriptors = opendir("/proc/self/fd");
    if (descriptors == nullptr) return;
    while (const dirent* entry = readdir(descriptors)) {
        std::array<char, 64> target{};
        if (readlinkat(dirfd(descriptors), entry->d_name, target.data(), target.size() - 1) > 0 &&
            std::strstr(target.data(), "pagewalk-log") != nullptr)
            fcntl(std::atoi(entry->d_name), F_SETFD, FD_CLOEXEC);
    }
    closedir(descriptors);
}

/// QEMU's command line is: its name, -d page -D LOG, -plugin and ours, the program's. The log is left out,
/// and `map` of ours, which is the last.
void execute_again_at_first_translation(qemu_plugin_id_t, qemu_plugin_tb*) {
    const int map = open(map_file.c_str(), O_WRONLY | O_CLOEXEC);
    write_host_map(map);
    close(map);
    close_log_at_execve();
    std::string text = read_file("/proc/self/cmdline");
    std::vector<char*> words;
    for (std::size_t at = 0; at < text.size(); at += std::strlen(&text[at]) + 1) words.push_back(&text[at]);
    constexpr std::ptrdiff_t log_words = 4;
    constexpr std::size_t own_option = 2;
    words.erase(words.begin() + 1, words.begin() + 1 + log_words);
    *std::strstr(words[own_option], ",map=") = '\0';
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(1);
}

/// The value of an argument `name=value`; null where it is not given.
const char* argument(int argc, char** argv, const char* name) {
    const std::size_t length = std::strlen(name);
    for (int i = 0; i < argc; ++i) {
        if (std::strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return argv[i] + length + 1;
    }
    return nullptr;
}

int number(const char* text) { return text != nullptr ? std::atoi(text) : -1; }

bool map_segment(const char* file) {
    const int fd = file != nullptr ? open(file, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return false;
    plugin.segment_file = file; // QEMU frees the arguments
    plugin.keeps_segment = plugin.segment_file.starts_with("/proc/self/");
    const off_t size = lseek(fd, 0, SEEK_END);
    void* base = mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, fd, 0);
    close(fd); // the program must find the descriptors it would find without Pagewalk
    if (base == MAP_FAILED || SegmentView(base).header().magic != segment_magic) return false;
    plugin.writer = RingWriter(base);
    return true;
}

} // namespace
} // namespace pagewalk::workloads

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc, char** argv) {
    using namespace pagewalk::workloads;
    if (info->system_emulation || std::strcmp(info->target_name, "x86_64") != 0) {
        std::fprintf(stderr, "pagewalk plugin: needs qemu-x86_64 (user mode), not target %s\n",
                     info->target_name);
        return 1;
    }
    probe_fd = number(argument(argc, argv, "probe"));
    if (probe_fd >= 0) {
        qemu_plugin_register_vcpu_tb_trans_cb(id, probe_at_first_translation);
        return 0;
    }
    if (const char* const map = argument(argc, argv, "map"); map != nullptr) {
        map_file = map;
        qemu_plugin_register_vcpu_tb_trans_cb(id, execute_again_at_first_translation);
        return 0;
    }
    if (!map_segment(argument(argc, argv, "segment"))) {
        std::fprintf(stderr, "pagewalk plugin: no shared segment; it is started by pagewalk only\n");
        return 1;
    }
    plugin.pid = getpid();
    plugin.executed_in = number(argument(argc, argv, "ring"));
    qemu_plugin_register_vcpu_init_cb(id, on_vcpu_init);
    qemu_plugin_register_vcpu_tb_trans_cb(id, layout_is_known() ? on_translation<on_access>
                                                                : on_translation<on_access_portable>);
    qemu_plugin_register_vcpu_syscall_cb(id, on_syscall);
    qemu_plugin_register_vcpu_syscall_ret_cb(id, on_syscall_return);
    return 0;
}
