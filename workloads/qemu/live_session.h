#pragma once

#include "workloads/qemu/batch_decoder.h"
#include "workloads/qemu/block_dictionary.h"
#include "workloads/qemu/guest_process.h"
#include "workloads/qemu/live_program.h"
#include "workloads/qemu/ring_reader.h"
#include "workloads/qemu/segment.h"
#include "workloads/qemu/space_order.h"
#include "workloads/qemu/supervisor.h"
#include "workloads/qemu/thread_directory.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::workloads {

/// One traced process of the program, QEMU's or a child's.
class TracedProcess {
public:
    TracedProcess(pid_t pid, std::string emulator);
    ~TracedProcess();
    TracedProcess(const TracedProcess&) = delete;
    TracedProcess& operator=(const TracedProcess&) = delete;

    enum class State : std::uint8_t { Running, Executed, Dead };
    /// Executed: it has replaced itself by execve, and nobody follows it.
    [[nodiscard]] State state() const;
    void kill() const;

private:
    pid_t m_pid;
    int m_fd;
    std::string m_emulator; ///< what /proc/<pid>/exe names while QEMU runs there
};

/// A thread of the program as the plugin announced it. Ended threads keep their entry, not their ring.
struct LiveThread final : SpaceOrder::Position {
    std::uint32_t ring = 0;
    ThreadIdentity identity;
    std::unique_ptr<RingReader> reader;
    TracedProcess* process = nullptr;
    const std::atomic<std::uint32_t>* gone = nullptr; ///< of its ring: another thread's execve has ended it
    std::size_t images = 0; ///< execves of this thread that its stream has delivered
    bool waits_in_call =
        false; ///< its stream has been read to a system call, and what came before has taken place
    bool ring_is_free = false;
    bool retired = false; ///< its stream has been read to the end

    [[nodiscard]] bool may_run() const {
        return process->state() == TracedProcess::State::Running && gone->load() == 0;
    }
    [[nodiscard]] bool is_at_rest() const override {
        return waits_in_call && reader != nullptr && reader->is_read_up();
    }
};

enum class ThreadNews : std::uint8_t { Words, Nothing, Ended };

/// A running QEMU with the plugin, and the raw event words of its threads. One thread of ours at a time may
/// use it.
class LiveSession {
public:
    /// Who answers the program's calls about its memory (calls_about_memory.h).
    enum class MemoryAnswers : bool { Host, Simulator };
    LiveSession(const LiveOptions& options, MemoryAnswers from);
    ~LiveSession();
    LiveSession(const LiveSession&) = delete;
    LiveSession& operator=(const LiveSession&) = delete;

    [[nodiscard]] const std::string& description() const { return m_description; }
    [[nodiscard]] const std::vector<InitialMapping>& initial_mappings() const { return m_initial; }
    [[nodiscard]] BlockDictionary& dictionary() { return m_dictionary; }
    [[nodiscard]] const GuestProcess& process() const { return *m_process; }
    /// Why what execve starts is not followed on this host; empty where it is.
    [[nodiscard]] const std::string& unsupervised() const { return m_unsupervised; }
    /// What the streams lack because nobody followed an execve; empty where nothing is.
    [[nodiscard]] const std::string& missing() const { return m_missing; }
    [[nodiscard]] std::vector<ProcessRecord> processes() const;
    /// The stream of this thread has delivered an execve that succeeded.
    void enter_image(std::size_t index) { ++thread(index).images; }
    /// What the thread's process had before the first instruction of its present image.
    [[nodiscard]] std::vector<InitialMapping> image(std::size_t index) const;

    /// Takes note of new threads. Errors: RunError when the plugin gave up.
    void discover();
    [[nodiscard]] std::size_t thread_count() const { return m_threads.size(); }
    [[nodiscard]] LiveThread& thread(std::size_t index) { return *m_threads[index]; }
    [[nodiscard]] const LiveThread& thread(std::size_t index) const { return *m_threads[index]; }
    /// Looks for words; when there are none within `limit`, finds out whether there can be more.
    static ThreadNews look(LiveThread& thread, std::chrono::milliseconds limit);
    /// The events that end a stream whose thread left none: killed, or gone with execve. `decoder` tells what
    /// the thread was doing.
    [[nodiscard]] std::vector<std::uint64_t> closing_words(const LiveThread& thread,
                                                           const BatchDecoder& decoder);
    /// Frees the rings of threads that have ended. Their streams must have been read to the end.
    void retire(LiveThread& thread);
    [[nodiscard]] ThreadDirectory& directory() { return m_directory; }
    [[nodiscard]] SpaceOrder& order() { return m_order; }
    /// Lets the thread go on, which waits in `call`: InstructionStream::answer().
    void answer(const LiveThread& thread, const SyscallRecord& call, std::int64_t result,
                std::span<const std::byte> data);
    /// Sleeps until a thread has published something or begun, at most `limit`, unless `news` says that there
    /// is some already; false when a signal came instead.
    bool wait(std::chrono::milliseconds limit, const std::function<bool()>& news);
    /// Lets threads that wait for room go on, at the cost of memory: QEMU may be waiting for them.
    void spill_full_rings();

private:
    void load_block(std::uint32_t id);
    void write_process_file(pid_t pid, std::string_view file, std::span<const std::byte> text) const;
    [[nodiscard]] std::string name_of_program(pid_t pid) const;
    void free_left_rings();
    [[nodiscard]] TracedProcess& process_of(pid_t pid);

    std::string m_description;
    std::vector<InitialMapping> m_initial;
    Segment m_segment;
    SpillStore m_spill;
    BlockDictionary m_dictionary;
    std::unique_ptr<Supervisor> m_supervisor; ///< null where the host allows none
    std::string m_unsupervised, m_missing;
    std::string m_machine_folder; ///< empty: the program sees the host
    std::unique_ptr<GuestProcess> m_process;
    std::string m_emulator;
    std::map<pid_t, std::unique_ptr<TracedProcess>> m_processes;
    std::vector<std::unique_ptr<LiveThread>> m_threads;
    std::vector<LiveThread*> m_with_ring; ///< whose rings are not free again
    ThreadDirectory m_directory;
    SpaceOrder m_order;
};

} // namespace pagewalk::workloads
