#include "workloads/qemu/supervisor.h"

#include "base/error.h"
#include "workloads/qemu/exec_filter.h"
#include "workloads/qemu/initial_map.h"
#include "workloads/qemu/interval_timer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr long trace_options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP |
                               PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                               PTRACE_O_TRACECLONE;
constexpr std::size_t longest_path = 4096;
constexpr int wait_options = __WALL | __WNOTHREAD;

/// Errors are left out everywhere: the one there is says that the thread has been killed meanwhile.
void let_run(pid_t tid, int signal = 0) {
    ptrace(PTRACE_CONT, tid, nullptr, static_cast<std::uintptr_t>(signal));
}

bool is_group_stop(int signal) {
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/// Of the calls that stop: with SIGKILL.
bool sends_kill(std::uint64_t number) {
    constexpr std::array<std::uint64_t, 5> calls{SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
                                                 SYS_rt_tgsigqueueinfo};
    return std::ranges::find(calls, number) != calls.end();
}

int event_of(int status) { return status >> 16; }

bool same_file(const std::string& a, const std::string& b) {
    struct stat first {
    }, second{};
    return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// As a call of the thread means it that is given a descriptor of the folder to start from.
std::string absolute(pid_t tid, const std::string& path, int folder = AT_FDCWD) {
    std::error_code error;
    if (path.starts_with('/')) return path;
    const std::string own = "/proc/" + std::to_string(tid);
    const auto directory = std::filesystem::read_symlink(
        folder == AT_FDCWD ? own + "/cwd" : own + "/fd/" + std::to_string(folder), error);
    return (directory / path).string();
}

/// The name by which the process itself opens the segment that it holds; empty where it holds none.
std::string kept_segment(pid_t tid, int segment) {
    const std::string own = "/proc/self/fd/" + std::to_string(segment);
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(tid) + "/fd", ignored))
        if (same_file(entry.path(), own)) return "/proc/self/fd/" + entry.path().filename().string();
    return {};
}

/// Of those that take turns on one CPU a new one goes on when its parent waits, as a rule of Linux's too.
void give_way_to_parent(pid_t child) {
    sched_param turn{};
    if (sched_getscheduler(child) != SCHED_RR || sched_getparam(child, &turn) != 0) return;
    if (turn.sched_priority <= sched_get_priority_min(SCHED_RR)) return;
    --turn.sched_priority;
    (void)sched_setparam(child, &turn);
}

/// A child that tries what the supervised do; its exit status is 0 or an errno.
[[noreturn]] void try_to_be_supervised(int gate, const std::vector<sock_filter>& filter) {
    char go = 0;
    if (read(gate, &go, 1) != 1) _exit(EIO);
    if (!install_filter(filter)) _exit(errno);
    std::array<char*, 1> none{};
    execve("", none.data(), none.data());
    _exit(0);
}

/// Sees a trial to its end. Empty when the execve stopped as it must.
std::string watch_trial(pid_t child) {
    bool stopped = false;
    for (int status = 0; waitpid(child, &status, wait_options) == child;) {
        if (WIFSIGNALED(status)) return "seccomp: a child was killed";
        if (WIFEXITED(status)) {
            if (WEXITSTATUS(status) != 0)
                return std::string("seccomp: ") + std::strerror(WEXITSTATUS(status));
            return stopped ? "" : "seccomp: calls do not stop for the tracer";
        }
        stopped |= event_of(status) == PTRACE_EVENT_SECCOMP;
        let_run(child);
    }
    return "seccomp: a child was lost";
}

} // namespace

Supervisor::Supervisor(SupervisorSetup setup)
    : m_setup(std::move(setup)),
      m_filter(exec_filter(m_setup.machine ? ShownMachine::Simulated : ShownMachine::Host)) {
    if (m_setup.machine) m_machine.emplace(*m_setup.machine);
}
Supervisor::~Supervisor() = default;

std::string Supervisor::refusal() {
    const std::vector<sock_filter> filter = exec_filter();
    std::array<int, 2> gate{};
    if (pipe2(gate.data(), O_CLOEXEC) != 0) return std::string("pipe: ") + std::strerror(errno);
    const pid_t child = fork();
    if (child == 0) {
        close(gate[1]);
        try_to_be_supervised(gate[0], filter);
    }
    close(gate[0]);
    std::string reason;
    if (child < 0)
        reason = std::string("fork: ") + std::strerror(errno);
    else if (ptrace(PTRACE_SEIZE, child, nullptr, trace_options) != 0)
        reason = std::string("ptrace: ") + std::strerror(errno);
    if (reason.empty() && write(gate[1], "", 1) != 1) reason = "pipe: broken";
    close(gate[1]);
    if (!reason.empty()) {
        if (child > 0) waitpid(child, nullptr, __WALL);
        return reason;
    }
    return watch_trial(child);
}

bool Supervisor::attach(pid_t child) {
    const std::lock_guard lock(m_mutex);
    if (ptrace(PTRACE_SEIZE, child, nullptr, trace_options) != 0) return false;
    m_first = child;
    m_table.add_process(child, getpid());
    m_table.at(child).program = m_setup.program;
    m_table.set_command(child, m_setup.command);
    return true;
}

void Supervisor::run(const Events& events) {
    while (true) {
        siginfo_t info{};
        if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | wait_options) != 0) {
            if (errno == EINTR) continue;
            return; // nobody is left
        }
        const pid_t tid = info.si_pid;
        // Reaped under the lock only, so that kill_all() never means another process of the same id.
        const std::lock_guard lock(m_mutex);
        int status = 0;
        if (waitpid(tid, &status, wait_options | WNOHANG) != tid) continue;
        if (WIFSTOPPED(status)) {
            on_stop(tid, status, events);
            continue;
        }
        if (!m_closing) m_table.end_thread(tid, status);
        m_coming.erase(tid);
        m_redirected.erase(tid);
        if (m_machine) m_machine->on_end(tid);
        if (tid == m_first) events.ended(status);
    }
}

void Supervisor::on_stop(pid_t tid, int status, const Events& events) {
    if (m_closing) {
        kill(tid, SIGKILL);
        return;
    }
    const int signal = WSTOPSIG(status);
    if (event_of(status) != 0) {
        on_event(tid, event_of(status), signal, events);
    } else if (signal == (SIGTRAP | 0x80)) {
        on_end_of_call(tid);
    } else {
        on_signal(tid, signal);
    }
}

void Supervisor::on_event(pid_t tid, int event, int signal, const Events& events) {
    switch (event) {
    case PTRACE_EVENT_SECCOMP:
        on_filtered_call(tid);
        return;
    case PTRACE_EVENT_EXEC:
        on_executed(tid, events);
        break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        on_birth(tid);
        break;
    case PTRACE_EVENT_STOP:
        static_cast<void>(m_table.process_of(tid));
        if (is_group_stop(signal)) {
            ptrace(PTRACE_LISTEN, tid, nullptr, nullptr); // stays stopped, as the program wants it
            return;
        }
        break;
    default:
        break;
    }
    let_run(tid);
}

void Supervisor::on_birth(pid_t tid) {
    unsigned long child = 0;
    if (ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &child) != 0) return;
    give_way_to_parent(static_cast<pid_t>(child));
    static_cast<void>(m_table.process_of(static_cast<pid_t>(child)));
    if (m_machine) m_machine->on_birth(tid, static_cast<pid_t>(child));
}

void Supervisor::on_signal(pid_t tid, int signal) {
    siginfo_t info{};
    const pid_t pid = m_table.process_of(tid);
    if (ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) == 0 && info.si_code <= 0)
        m_table.at(pid).senders[signal] = info.si_pid;
    let_run(tid, signal);
}

void Supervisor::on_executed(pid_t tid, const Events& events) {
    static_cast<void>(m_table.process_of(tid));
    m_table.drop_other_threads(tid);
    if (tid == m_first && !m_started) {
        m_started = true;
        events.executed();
    }
    const auto coming = m_coming.find(tid);
    if (coming == m_coming.end()) return;
    Image& image = *coming->second;
    image.loading = true;
    m_table.at(tid).program = image.program;
    m_table.set_command(tid, image.command);
}

// The timer's setting is the emulator's own, converted from the program's.
void Supervisor::stretch_timer(const Tracee& tracee, std::uint64_t setting) {
    itimerval timer;
    if (setting == 0 || !tracee.get(setting, timer)) return;
    timer = stretched(timer);
    static_cast<void>(tracee.write(setting, {reinterpret_cast<const char*>(&timer), sizeof timer}));
}

void Supervisor::on_filtered_call(pid_t tid) {
    const Tracee tracee(tid);
    const auto registers = tracee.registers();
    if (!registers) return;
    if (m_machine &&
        (MachineCalls::answers(registers->orig_rax) || redirected_argument(registers->orig_rax) >= 0)) {
        on_machine_call(tid, tracee, *registers);
        return;
    }
    if (registers->orig_rax == SYS_setitimer) {
        stretch_timer(tracee, registers->rsi);
        return let_run(tid);
    }
    if (sends_kill(registers->orig_rax)) {
        m_table.note_kill(m_table.process_of(tid), static_cast<pid_t>(registers->rdi));
        return let_run(tid);
    }
    if (registers->orig_rax != SYS_write) {
        on_exec_call(tid, tracee);
        return;
    }
    const auto text = tracee.text(registers->rsi, 4096);
    if (text && is_emulator_remark(text->data(), std::min<std::size_t>(text->size(), registers->rdx)))
        answer_call(tracee, static_cast<std::int64_t>(registers->rdx));
    let_run(tid);
}

void Supervisor::on_machine_call(pid_t tid, const Tracee& tracee, const user_regs_struct& call) {
    if (MachineCalls::answers(call.orig_rax)) {
        answer_call(tracee, m_machine->answer(tracee, tid, call));
        return let_run(tid);
    }
    const bool starts_at_folder = redirected_argument(call.orig_rax) == 1;
    const Redirection own = starts_at_folder ? Redirection{&user_regs_struct::rsi, call.rsi}
                                             : Redirection{&user_regs_struct::rdi, call.rdi};
    const int folder = starts_at_folder ? static_cast<int>(call.rdi) : AT_FDCWD;
    const auto path = tracee.text(own.address, longest_path);
    const std::string file =
        path ? m_machine->stand_in(absolute(tid, *path, folder), m_table.process_of(tid)) : std::string();
    if (file.empty()) return let_run(tid);
    BelowStack stack(call.rsp);
    user_regs_struct changed = call;
    changed.*own.name = stack.add(file);
    if (!stack.write_to(tracee) || !tracee.set_registers(changed)) return let_run(tid);
    m_redirected[tid] = own;
    ptrace(PTRACE_SYSCALL, tid, nullptr, nullptr);
}

// To the caller, a call changes no register but its result.
void Supervisor::on_end_of_call(pid_t tid) {
    const auto redirected = m_redirected.extract(tid);
    if (redirected.empty()) return on_failed_exec(tid);
    const Tracee tracee(tid);
    if (auto registers = tracee.registers()) {
        (*registers).*(redirected.mapped().name) = redirected.mapped().address;
        tracee.set_registers(*registers);
    }
    let_run(tid);
}

void Supervisor::on_exec_call(pid_t tid, const Tracee& tracee) {
    const pid_t pid = m_table.process_of(tid);
    if (pid == m_first && !m_started) {
        let_run(tid);
        return;
    }
    if (const auto coming = m_coming.find(pid); coming != m_coming.end() && coming->second->loading) {
        finish_loading(pid); // the first QEMU has loaded it and executes the second
        let_run(tid);
        return;
    }
    const auto call = read_exec_call(tracee, tid);
    const int error = call ? replace(tid, tracee, *call) : call.error();
    if (error == 0) {
        ptrace(PTRACE_SYSCALL, tid, nullptr, nullptr); // stops where it fails
        return;
    }
    answer_call(tracee, -error);
    let_run(tid);
}

int Supervisor::replace(pid_t tid, const Tracee& tracee, const ExecCall& call) {
    const std::string process = std::to_string(tid);
    const std::string directory = "/proc/" + process + "/cwd";
    std::vector<std::string> name;
    if (!call.words.empty()) name.push_back(call.words[0]);
    auto program = resolve_executable(call.path, name, directory, process);
    if (program &&
        same_file(program->path.starts_with("/proc/self/") ? "/proc/" + process + "/exe" : program->path,
                  m_setup.emulator)) {
        // Its own /proc/self/exe: to the program, that is the program.
        program = resolve_executable(m_table.at(m_table.process_of(tid)).program, name, directory, process);
    }
    if (program) return start_image(tid, tracee, call, *program);
    if (program.error().foreign_code) std::fprintf(stderr, "pagewalk: %s\n", program.error().reason.c_str());
    return program.error().error;
}

int Supervisor::start_image(pid_t tid, const Tracee& tracee, const ExecCall& call,
                            const GuestExecutable& program) {
    const auto ring = ring_of(tid);
    const auto registers = tracee.registers();
    if (!ring || !registers) return ENOMEM;
    // A process that became another user's may not open what is ours, but what it holds open itself.
    const std::string kept = kept_segment(tid, m_setup.segment_descriptor);
    auto image = std::make_unique<Image>(kept.empty() ? OpenedBy::OwnUser : OpenedBy::Anybody);
    image->thread = m_setup.segment.control(*ring).thread;
    image->program = absolute(tid, program.path);
    image->command = joined(call.words);
    image->arguments[0] = registers->rdi;
    image->arguments[1] = registers->rsi;
    image->arguments[2] = registers->rdx;
    std::vector<std::string> words{
        m_setup.emulator,
        "-d",
        "page",
        "-D",
        image->log.name(),
        "-plugin",
        m_setup.plugin +
            ",segment=" + (kept.empty() ? name_of_descriptor(m_setup.segment_descriptor) : kept) +
            ",ring=" + std::to_string(*ring) + ",map=" + image->maps.name(),
        "-0",
        program.argv[0],
        program.path};
    words.insert(words.end(), program.argv.begin() + 1, program.argv.end());
    const auto tail = std::span(call.argv).subspan(std::min<std::size_t>(1, call.argv.size()));
    if (!replace_exec(tracee, m_setup.emulator, words, tail, call.environment)) return E2BIG;
    m_coming[m_table.process_of(tid)] = std::move(image);
    return 0;
}

void Supervisor::on_failed_exec(pid_t tid) {
    const auto coming = m_coming.find(m_table.process_of(tid));
    const Tracee tracee(tid);
    auto registers = tracee.registers();
    if (registers && coming != m_coming.end()) {
        // To the caller, a call changes no register but its result.
        registers->rdi = coming->second->arguments[0];
        registers->rsi = coming->second->arguments[1];
        registers->rdx = coming->second->arguments[2];
        tracee.set_registers(*registers);
        m_coming.erase(coming);
    }
    let_run(tid);
}

void Supervisor::finish_loading(pid_t pid) {
    const auto image = std::move(m_coming.extract(pid).mapped());
    std::vector<InitialMapping> mappings;
    try {
        mappings = parse_initial_map(image->log.text(), image->maps.text());
    } catch (const RunError& error) {
        std::fprintf(stderr, "pagewalk: %s: %s\n", image->command.c_str(), error.what());
    }
    m_images[image->thread].push_back(std::move(mappings));
}

std::optional<std::uint32_t> Supervisor::ring_of(pid_t tid) const {
    const SegmentHeader& header = m_setup.segment.header();
    const std::uint64_t in_use = std::min<std::uint64_t>(header.threads_claimed.load(), max_rings);
    for (std::uint32_t i = 0; i < in_use; ++i) {
        const RingControl& ring = m_setup.segment.control(i);
        if (ring.pid.load() != 0 && ring.tid.load() == tid && ring.gone.load() == 0) return i;
    }
    return std::nullopt;
}

void Supervisor::kill_all() {
    const std::lock_guard lock(m_mutex);
    m_closing = true;
    for (const auto& [pid, process] : m_table.alive()) kill(pid, SIGKILL);
}

std::vector<ProcessRecord> Supervisor::processes() const {
    const std::lock_guard lock(m_mutex);
    return m_table.records();
}

std::vector<InitialMapping> Supervisor::image(std::uint64_t thread, std::size_t number) const {
    const std::lock_guard lock(m_mutex);
    const auto images = m_images.find(thread);
    if (images == m_images.end() || number >= images->second.size()) return {};
    return images->second[number];
}

} // namespace pagewalk::workloads
