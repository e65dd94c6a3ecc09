#include "workloads/qemu/live_session.h"

#include "base/error.h"
#include "contract/calls_about_memory.h"
#include "contract/system_calls.h"
#include "workloads/qemu/futex.h"
#include "workloads/qemu/guest_executable.h"
#include "workloads/qemu/initial_map.h"
#include "workloads/qemu/process_status.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

std::string executable_of(pid_t pid) {
    std::array<char, 4096> target{};
    const std::string link = "/proc/" + std::to_string(pid) + "/exe";
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

ProcessSetup qemu_setup(const LiveOptions& options) {
    ProcessSetup setup;
    setup.path = find_in_path(options.qemu);
    if (setup.path.empty()) {
        throw InputError("emulator " + options.qemu +
                         ": not found; Pagewalk runs programs with QEMU's user mode, " +
                         "Debian package qemu-user");
    }
    setup.environment = options.environment;
    setup.working_directory = options.working_directory;
    setup.stdin_file = options.stdin_file;
    setup.stdout_file = options.stdout_file;
    setup.stderr_file = options.stderr_file;
    setup.cpus = options.cpus;
    return setup;
}

/// The plugin's path as QEMU's option parser wants it: commas doubled.
std::string plugin_option(const LiveOptions& options) {
    const std::string path = options.plugin.empty() ? PAGEWALK_QEMU_PLUGIN : options.plugin;
    if (access(path.c_str(), R_OK) != 0) {
        throw InputError("QEMU plugin " + path + ": " + std::strerror(errno) +
                         "; it is built with Pagewalk as " + "pagewalk_qemu_plugin.so");
    }
    std::string option;
    for (const char c : path) option += c == ',' ? ",," : std::string(1, c);
    return option;
}

std::string absolute_in(const std::string& directory, const std::string& path) {
    return (std::filesystem::absolute(directory.empty() ? "." : directory) / path).string();
}

std::string failure_text(SegmentFailure failure) {
    switch (failure) {
    case SegmentFailure::TooManyThreads:
        return "a process of it numbered more than " + std::to_string(max_vcpus) + " threads";
    case SegmentFailure::TooManyRings:
        return "it has more than " + std::to_string(max_rings) + " threads at a time";
    case SegmentFailure::DictionaryFull:
        return "the program's code does not fit the block dictionary";
    default:
        return "QEMU's address space is full";
    }
}

} // namespace

TracedProcess::TracedProcess(pid_t pid, std::string emulator)
    : m_pid(pid), m_fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), m_emulator(std::move(emulator)) {}

TracedProcess::~TracedProcess() {
    if (m_fd >= 0) close(m_fd);
}

TracedProcess::State TracedProcess::state() const {
    pollfd poller{m_fd, POLLIN, 0};
    if (m_fd < 0 || poll(&poller, 1, 0) != 0) return State::Dead;
    const std::string executable = executable_of(m_pid);
    return executable.empty() || executable == m_emulator ? State::Running : State::Executed;
}

void TracedProcess::kill() const {
    if (state() == State::Running) syscall(SYS_pidfd_send_signal, m_fd, SIGKILL, nullptr, 0);
}

LiveSession::LiveSession(const LiveOptions& options, MemoryAnswers from)
    : m_segment(options.ring_bytes), m_dictionary([this](std::uint32_t id) { load_block(id); }) {
    const GuestExecutable program = find_guest_executable(options.argv);
    ProcessSetup setup = qemu_setup(options);
    const std::string plugin = plugin_option(options);
    m_description = joined(options.argv);

    std::vector<std::string> tail{"-0", program.argv[0], program.path};
    tail.insert(tail.end(), program.argv.begin() + 1, program.argv.end());
    m_initial = probe_initial_map(setup, plugin, tail);

    setup.argv = {setup.path, "-plugin", plugin + ",segment=" + name_of_descriptor(m_segment.descriptor())};
    setup.argv.insert(setup.argv.end(), tail.begin(), tail.end());
    m_unsupervised = Supervisor::refusal();
    m_segment.view().header().follows_execve = m_unsupervised.empty() ? 1 : 0;
    m_segment.view().header().answers = from == MemoryAnswers::Simulator ? 1 : 0;
    if (options.machine) m_machine_folder = options.machine->folder;
    if (m_unsupervised.empty()) {
        m_supervisor = std::make_unique<Supervisor>(
            SupervisorSetup{.emulator = std::filesystem::absolute(setup.path).string(),
                            .plugin = plugin,
                            .segment = m_segment.view(),
                            .segment_descriptor = m_segment.descriptor(),
                            .program = absolute_in(options.working_directory, program.path),
                            .command = m_description,
                            .machine = options.machine});
    } else {
        std::fprintf(stderr,
                     "pagewalk: this host does not let Pagewalk follow what the program starts with execve "
                     "(%s); a program that does so cannot be run to its end\n",
                     m_unsupervised.c_str());
    }
    m_process = std::make_unique<GuestProcess>(setup, m_supervisor.get());
    m_emulator = executable_of(m_process->pid());
    while (m_threads.empty()) {
        const bool ended = m_process->status().has_value();
        discover();
        if (m_threads.empty() && ended) {
            throw RunError(setup.path + " ended before the program's first instruction, with exit status " +
                           std::to_string(*m_process->status()));
        }
        if (m_threads.empty()) usleep(100);
    }
}

LiveSession::~LiveSession() {
    m_segment.view().header().closed.store(1);
    try {
        discover();
    } catch (const RunError&) {
        // The plugin gave up before; its processes are known.
    }
    for (const auto& [pid, process] : m_processes) process->kill();
}

void LiveSession::discover() {
    const SegmentView view = m_segment.view();
    const SegmentFailure failure = view.header().failure.load();
    while (true) {
        const ThreadEntry& entry = view.thread(m_threads.size());
        if (entry.ready.load(std::memory_order_acquire) != m_threads.size() + 1) break;
        auto thread = std::make_unique<LiveThread>();
        thread->ring = entry.ring;
        thread->identity = {entry.tid, entry.pid, entry.parent_pid, entry.epoch};
        m_directory.add(thread->identity);
        thread->reader = std::make_unique<RingReader>(m_segment, m_spill, entry.ring);
        thread->process = &process_of(entry.pid);
        m_order.join(m_threads.size(), thread->identity, thread.get());
        m_with_ring.push_back(thread.get());
        thread->gone = &view.control(entry.ring).gone;
        m_threads.push_back(std::move(thread));
        view.header().threads_seen.store(m_threads.size());
    }
    free_left_rings();
    if (failure != SegmentFailure::None)
        throw RunError("tracing " + m_description + ": " + failure_text(failure));
}

TracedProcess& LiveSession::process_of(pid_t pid) {
    auto& process = m_processes[pid];
    // A dead one's pid may be another's by now.
    if (process == nullptr || process->state() == TracedProcess::State::Dead) {
        const bool in_use = process != nullptr && std::ranges::any_of(m_threads, [&](const auto& thread) {
                                return thread->process == process.get() && thread->reader != nullptr;
                            });
        if (!in_use) process = std::make_unique<TracedProcess>(pid, m_emulator);
    }
    return *process;
}

ThreadNews LiveSession::look(LiveThread& thread, std::chrono::milliseconds limit) {
    RingReader& reader = *thread.reader;
    if (!reader.words().empty()) return ThreadNews::Words;
    if (limit.count() != 0) reader.wait(limit);
    if (!reader.words().empty()) return ThreadNews::Words;
    // An exit leaves a ThreadEnd event; only a process's death or execve ends a stream without one.
    if (thread.may_run()) return ThreadNews::Nothing;
    reader.close();
    return reader.words().empty() ? ThreadNews::Ended : ThreadNews::Words;
}

std::vector<std::uint64_t> LiveSession::closing_words(const LiveThread&, const BatchDecoder& decoder) {
    std::vector<std::uint64_t> words;
    if (decoder.in_system_call() && executes_image(decoder.syscall().number)) {
        words = {event_header(EventKind::SyscallReturn, return_payload_words), decoder.syscall().number, 0,
                 0};
        if (m_supervisor == nullptr)
            m_missing = "started " + decoder.syscall().path + ", which could not be followed (" +
                        m_unsupervised + ")";
    }
    words.push_back(event_header(EventKind::ThreadEnd, 0));
    return words;
}

void LiveSession::retire(LiveThread& thread) {
    thread.retired = true;
    if (thread.ring_is_free) thread.reader.reset();
    free_left_rings();
}

/// What is unread of a ring whose thread has ended moves to the store, so that a program may run any number
/// of threads ahead of its readers.
void LiveSession::free_left_rings() {
    std::erase_if(m_with_ring, [&](LiveThread* thread) {
        const bool left = thread->reader->is_left() || (thread->retired && !thread->may_run());
        if (!left || !thread->reader->detach()) return false;
        m_segment.free_ring(thread->ring);
        thread->ring_is_free = true;
        if (thread->retired) thread->reader.reset();
        return true;
    });
}

void LiveSession::answer(const LiveThread& thread, const SyscallRecord& call, std::int64_t result,
                         std::span<const std::byte> data) {
    const std::string_view file = calls_about_memory::file_of(call.path);
    const bool opens = calls_about_memory::opens_file(call.number, call.path);
    if (opens && !m_machine_folder.empty()) write_process_file(thread.identity.pid, file, data);
    AnswerArea& area = m_segment.view().answer(thread.ring);
    area.size = opens ? 0 : static_cast<std::uint32_t>(std::min(data.size(), area.data.size()));
    std::copy_n(data.begin(), area.size, area.data.begin());
    area.result = result;
    area.ready.store(1, std::memory_order_release);
}

/// In one piece: another thread of the program may be reading what was there before.
void LiveSession::write_process_file(pid_t pid, std::string_view file,
                                     std::span<const std::byte> text) const {
    std::string whole(reinterpret_cast<const char*>(text.data()), text.size());
    if (file == "status") {
        std::ifstream hosts("/proc/" + std::to_string(pid) + "/status");
        const std::string lines{std::istreambuf_iterator<char>(hosts), {}};
        whole = joined_status(lines, whole, name_of_program(pid));
    }
    const std::filesystem::path target = process_file(m_machine_folder, pid, file);
    std::error_code ignored;
    std::filesystem::create_directory(target.parent_path(), ignored);
    const std::string unfinished = target.string() + ".new";
    std::ofstream(unfinished) << whole;
    std::filesystem::rename(unfinished, target, ignored);
}

/// As exec names a process: after its file. Empty where it is not known.
std::string LiveSession::name_of_program(pid_t pid) const {
    for (const ProcessRecord& process : processes())
        if (process.pid == pid)
            return std::filesystem::path(process.command.substr(0, process.command.find(' ')))
                .filename()
                .string();
    return {};
}

bool LiveSession::wait(std::chrono::milliseconds limit, const std::function<bool()>& news) {
    SegmentHeader& header = m_segment.view().header();
    const std::uint32_t seen = header.news.load();
    header.consumer_waiting.store(1);
    const bool interrupted =
        !news() && futex_wait(header.news, seen, limit.count()) == FutexWait::Interrupted;
    header.consumer_waiting.store(0);
    return !interrupted;
}

void LiveSession::spill_full_rings() {
    discover();
    for (LiveThread* const thread : m_with_ring) {
        if (thread->reader->is_full()) thread->reader->spill();
    }
}

std::vector<ProcessRecord> LiveSession::processes() const {
    if (m_supervisor != nullptr) return m_supervisor->processes();
    return {{.pid = m_process->pid(), .parent = getpid(), .command = m_description, .end = m_process->end()}};
}

std::vector<InitialMapping> LiveSession::image(std::size_t index) const {
    const std::size_t images = m_threads[index]->images;
    if (images == 0) return m_initial;
    if (m_supervisor == nullptr) return {};
    return m_supervisor->image(index, images - 1);
}

void LiveSession::load_block(std::uint32_t id) {
    const BlockEntry& entry = m_segment.view().block(id);
    if (entry.ready.load(std::memory_order_acquire) == 0) return;
    const std::uint8_t* const data = m_segment.view().bytes() + entry.offset;
    m_dictionary.add(id, VirtAddr(entry.pc), {data, entry.instruction_count},
                     {data + entry.instruction_count, entry.byte_count});
}

} // namespace pagewalk::workloads
