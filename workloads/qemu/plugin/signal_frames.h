#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <sys/uio.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// Addresses that threads add while others look; none is taken out. No lock: a fork may come at any time.
class AddressSet {
public:
    void insert(std::uint64_t address) {
        for (std::atomic<std::uint64_t>& place : m_places) {
            std::uint64_t found = 0;
            if (place.compare_exchange_strong(found, address) || found == address) return;
        }
    }
    [[nodiscard]] bool contains(std::uint64_t address) const {
        for (const std::atomic<std::uint64_t>& place : m_places) {
            const std::uint64_t found = place.load();
            if (found == 0 || found == address) return found != 0;
        }
        return false;
    }

private:
    std::array<std::atomic<std::uint64_t>, 512> m_places{}; ///< in the order they came; 0: free
};

/// Gives signal handlers the stack that the x86-64 ABI promises them: rsp is 8 beyond a multiple of 16 when a
/// function begins. QEMU 7.2 leaves it 8 bytes higher, at a multiple of 16, and a handler that stores 16
/// bytes at an aligned place of its stack, as compilers have it do, dies of SIGSEGV. The frame stays where
/// QEMU has put it; only the return address below which the handler runs is there a second time.
///
/// A handler whose first block QEMU has translated before the program made a handler of it is not seen.
class SignalFrames {
public:
    /// CPUX86State begins with these: rax, rcx, rdx, rbx, rsp, ...
    using Registers = std::uint64_t*;

    /// Before rt_sigaction with its second argument, the address of a struct sigaction of the kernel's.
    void note_action(std::uint64_t action) {
        std::array<std::uint64_t, 3> words{}; // handler, flags, restorer
        if (action == 0 || !copy(words.data(), action, sizeof words, process_vm_readv)) return;
        constexpr std::uint64_t has_restorer = 0x0400'0000; // SA_RESTORER
        constexpr std::uint64_t ignored = 1;                // SIG_IGN; SIG_DFL is 0
        if (words[0] <= ignored || (words[1] & has_restorer) == 0) return;
        m_handlers.insert(words[0]);
        m_restorers.insert(words[2]);
    }
    [[nodiscard]] bool is_handler(std::uint64_t pc) const { return m_handlers.contains(pc); }

    /// Before the first instruction of what may be a handler.
    void enter(Registers registers) const {
        const std::uint64_t frame = registers[rsp];
        std::uint64_t restorer = 0;
        if (frame % 16 != 0 || !copy(&restorer, frame, sizeof restorer, process_vm_readv)) return;
        if (!m_restorers.contains(restorer)) return; // called by the program itself
        if (copy(&restorer, frame - sizeof restorer, sizeof restorer, process_vm_writev))
            registers[rsp] = frame - sizeof restorer;
    }
    /// Before rt_sigreturn: QEMU looks for the frame 8 bytes below rsp.
    static void leave(Registers registers) {
        std::array<std::uint64_t, 2> words{}; // what enter() has written, and what it copied
        const std::uint64_t frame = registers[rsp];
        if (frame % 16 == 0 && copy(words.data(), frame - sizeof words[0], sizeof words, process_vm_readv) &&
            words[0] == words[1])
            registers[rsp] = frame + sizeof words[0];
    }

private:
    static constexpr std::size_t rsp = 4;

    /// Between `own` and the program's `address`, whichever way `call` goes; false where that is not mapped.
    template <class Call>
    static bool copy(void* own, std::uint64_t address, std::size_t bytes, Call call) {
        const iovec local{own, bytes}, remote{reinterpret_cast<void*>(address), bytes};
        return call(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
    }

    AddressSet m_handlers;
    AddressSet m_restorers;
};

} // namespace pagewalk::workloads
