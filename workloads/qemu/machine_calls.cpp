#include "workloads/qemu/machine_calls.h"

#include "contract/calls_about_memory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <span>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t word_bits = 64;
using MaskWords = std::array<std::uint64_t, max_cpus / word_bits>;
static_assert(max_cpus % word_bits == 0);

constexpr std::array folders =
    std::to_array<std::string_view>({"/sys/devices/system/cpu", "/sys/devices/system/node",
                                     "/sys/kernel/mm/hugepages", "/sys/kernel/mm/transparent_hugepage"});
constexpr std::array files =
    std::to_array<std::string_view>({"/proc/buddyinfo", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
                                     "/proc/sys/vm/drop_caches", "/proc/vmstat", "/proc/zoneinfo"});

bool is_in(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

template <class Object>
bool put(const Tracee& tracee, std::uint64_t address, const Object& object) {
    return tracee.write(address, {reinterpret_cast<const char*>(&object), sizeof object});
}

} // namespace

int redirected_argument(std::uint64_t number) {
    switch (number) {
    case SYS_access:
    case SYS_readlink:
        return 0;
    case SYS_openat:
    case SYS_newfstatat:
    case SYS_readlinkat:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_statx:
        return 1;
    default:
        return -1;
    }
}

MachineCalls::MachineCalls(SeenMachine machine)
    : m_machine(std::move(machine)), m_policies(std::ranges::max(m_machine.node_of_cpu) + std::size_t{1}) {
    for (std::size_t cpu = 0; cpu < m_machine.node_of_cpu.size(); ++cpu) m_cpus.set(cpu);
}

void MachineCalls::on_birth(pid_t creator, pid_t thread) {
    m_threads[thread] = {affinity(creator), ++m_births};
    m_policies.on_birth(creator, thread);
}

std::string MachineCalls::stand_in(std::string_view path, pid_t pid) const {
    if (const std::string_view file = calls_about_memory::file_of(path); !file.empty()) {
        std::string own = process_file(m_machine.folder, pid, file);
        return access(own.c_str(), R_OK) == 0 ? own : std::string();
    }
    const bool stands_in =
        std::ranges::find(files, path) != files.end() ||
        std::ranges::any_of(folders, [path](std::string_view folder) { return is_in(path, folder); });
    return stands_in ? m_machine.folder + std::string(path) : std::string();
}

bool MachineCalls::answers(std::uint64_t number) {
    return number == SYS_sched_getaffinity || number == SYS_sched_setaffinity || number == SYS_getcpu ||
           number == SYS_sysinfo || number == SYS_get_mempolicy || number == SYS_set_mempolicy;
}

std::int64_t MachineCalls::answer(const Tracee& tracee, pid_t thread, const user_regs_struct& call) {
    const pid_t other = static_cast<pid_t>(call.rdi) != 0 ? static_cast<pid_t>(call.rdi) : thread;
    switch (call.orig_rax) {
    case SYS_sched_getaffinity:
        return get_affinity(tracee, other, call.rsi, call.rdx);
    case SYS_sched_setaffinity:
        return set_affinity(tracee, other, call.rsi, call.rdx);
    case SYS_get_mempolicy:
        return m_policies.get(tracee, thread, call, m_machine.node_of_cpu[cpu_of(thread)]);
    case SYS_set_mempolicy:
        return m_policies.set(tracee, thread, call);
    case SYS_getcpu:
        return get_cpu(tracee, thread, call);
    default:
        return system_information(tracee, call.rdi);
    }
}

CpuMask MachineCalls::affinity(pid_t thread) const {
    const auto known = m_threads.find(thread);
    return known != m_threads.end() ? known->second.affinity : m_cpus & m_machine.allowed;
}

std::uint32_t MachineCalls::cpu_of(pid_t thread) const {
    const auto known = m_threads.find(thread);
    const CpuMask allowed = affinity(thread);
    std::size_t before = (known != m_threads.end() ? known->second.number : 0) % allowed.count();
    std::uint32_t cpu = 0;
    while (!allowed[cpu] || before-- != 0) ++cpu;
    return cpu;
}

std::int64_t MachineCalls::set_affinity(pid_t thread, const CpuMask& mask) {
    const CpuMask allowed = mask & m_cpus;
    if (allowed.none()) return -EINVAL;
    m_threads[thread].affinity = allowed;
    return 0;
}

// As many bytes as Linux needs for the CPUs that there may be, in whole words.
std::int64_t MachineCalls::get_affinity(const Tracee& tracee, pid_t thread, std::uint64_t bytes,
                                        std::uint64_t target) const {
    const std::size_t words = (m_machine.node_of_cpu.size() + word_bits - 1) / word_bits;
    const std::size_t needed = words * sizeof(std::uint64_t);
    if (bytes % sizeof(std::uint64_t) != 0 || bytes * 8 < m_machine.node_of_cpu.size()) return -EINVAL;
    if (kill(thread, 0) != 0 && errno == ESRCH) return -ESRCH;
    MaskWords mask{};
    const CpuMask allowed = affinity(thread);
    for (std::size_t cpu = 0; cpu < max_cpus; ++cpu)
        if (allowed[cpu]) mask[cpu / word_bits] |= 1ULL << cpu % word_bits;
    const std::string_view text(reinterpret_cast<const char*>(mask.data()), std::min(needed, bytes));
    return tracee.write(target, text) ? static_cast<std::int64_t>(text.size()) : -EFAULT;
}

std::int64_t MachineCalls::set_affinity(const Tracee& tracee, pid_t thread, std::uint64_t bytes,
                                        std::uint64_t source) {
    MaskWords words{};
    const auto all = std::as_writable_bytes(std::span(words));
    const auto given = all.first(std::min<std::size_t>(bytes, all.size()));
    if (!tracee.get_bytes(source, given)) return -EFAULT;
    if (kill(thread, 0) != 0 && errno == ESRCH) return -ESRCH;
    CpuMask mask;
    for (std::size_t cpu = 0; cpu < max_cpus; ++cpu)
        mask[cpu] = (words[cpu / word_bits] >> cpu % word_bits & 1) != 0;
    return set_affinity(thread, mask);
}

std::int64_t MachineCalls::get_cpu(const Tracee& tracee, pid_t thread, const user_regs_struct& call) const {
    const std::uint32_t cpu = cpu_of(thread);
    if (call.rdi != 0 && !put(tracee, call.rdi, cpu)) return -EFAULT;
    if (call.rsi != 0 && !put(tracee, call.rsi, m_machine.node_of_cpu[cpu])) return -EFAULT;
    return 0;
}

std::int64_t MachineCalls::system_information(const Tracee& tracee, std::uint64_t target) const {
    struct sysinfo host {
    }, seen{};
    if (::sysinfo(&host) != 0) return -errno;
    seen.uptime = host.uptime; // as the program's clocks, which are the host's
    seen.totalram = m_machine.memory;
    seen.freeram = m_machine.free;
    seen.procs = 1;
    seen.mem_unit = 1;
    return put(tracee, target, seen) ? 0 : -EFAULT;
}

} // namespace pagewalk::workloads
