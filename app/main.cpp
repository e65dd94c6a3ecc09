#include "app/command.h"
#include "app/standard_output.h"
#include "app/version.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/spelling.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <new>
#include <pthread.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <systemc>

namespace {

using namespace pagewalk;

void print_help(std::FILE* out) {
    std::fprintf(out, "Pagewalk %s: memory systems, hardware and OS, simulated together\n\n",
                 std::string(app::version()).c_str());
    for (const app::Command& command : app::commands())
        std::fprintf(out, "  pagewalk %-9s %s\n            %s%s\n", std::string(command.name).c_str(),
                     std::string(command.usage).c_str(), "    ", std::string(command.summary).c_str());
    std::fprintf(out, "\npagewalk help COMMAND explains one of them\n");
}

/// What somebody does who calls pagewalk for the first time, and next.
void print_next_steps(std::FILE* out) {
    std::fprintf(out,
                 "Pagewalk %s: memory systems, hardware and OS, simulated together\n\n"
                 "  pagewalk run configs/experiments/quickstart.cfg   simulate a program\n"
                 "  pagewalk show FILE.h5                             what the run measured\n"
                 "  pagewalk report FILE.h5                           the same as a page with plots\n"
                 "  pagewalk sweep configs/sweeps/l2_tlb_reach.cfg    many runs, and how they differ\n"
                 "  pagewalk doctor                                   does this host have what is needed?\n"
                 "  pagewalk help [COMMAND]                           every command; one of them\n",
                 std::string(app::version()).c_str());
}

const app::Command& command_of(const std::string& name) {
    std::string known;
    std::vector<std::string_view> names;
    for (const app::Command& command : app::commands()) {
        if (command.name == name) return command;
        names.push_back(command.name);
        known += (known.empty() ? "" : ", ") + std::string(command.name);
    }
    throw InputError("unknown command '" + excerpt(name) + "'" + did_you_mean(name, names) +
                     "; known: " + known);
}

int dispatch(const std::vector<std::string>& words) {
    if (words.empty()) {
        print_next_steps(stderr);
        return 2;
    }
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        if (words.size() > 1)
            return app::run_command(command_of(words[1]), std::vector<std::string>{"--help"});
        print_help(stdout);
        return 0;
    }
    if (words[0] == "--version") {
        std::printf("pagewalk %s (%s)\n", std::string(app::version()).c_str(),
                    std::string(app::git_revision()).c_str());
        return 0;
    }
    return app::run_command(command_of(words[0]), std::span(words).subspan(1));
}

bool own_silence = false; ///< SystemC reads it from the environment before sc_main()

/// Where a standard descriptor is closed, keeps files of ours from taking its number. Reading and writing it
/// fail as they would; the program that we start still finds it closed.
void hold_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        const int other_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        [[maybe_unused]] const int held = open("/dev/null", other_way | O_CLOEXEC);
    }
}

/// A file beyond RLIMIT_FSIZE is a write that fails, like a full disk. A handler, which programs that we
/// start do not inherit.
void take_file_size_limit_as_error() {
    std::signal(SIGXFSZ, [](int) {});
}

/// Stacks of threads and of this one have room, whatever the shell's limit.
void raise_stack_limit() {
    constexpr rlim_t wanted = 8 << 20; // Linux's default
    rlimit limit{};
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= wanted) return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_STACK, &limit);
    pthread_attr_t threads;
    if (pthread_attr_init(&threads) != 0) return;
    pthread_attr_setstacksize(&threads, wanted);
    pthread_setattr_default_np(&threads);
    pthread_attr_destroy(&threads);
}

} // namespace

// libsystemc owns main(); see its sc_main contract.
int sc_main(int argc, char** argv) {
    try {
        if (own_silence)
            unsetenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE"); // programs that we start find what they would
        std::vector<std::string> words(argv + 1, argv + argc);
        const int status = dispatch(words);
        app::flush_standard_output();
        return status;
    } catch (const InputError& error) {
        std::fprintf(stderr, "pagewalk: %s\n", printable(error.what()).c_str());
        return 2;
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "pagewalk: the host has no more memory for this simulation\n");
        // What is to be cleaned up has been; libraries that were refused memory do not all end well.
        std::_Exit(1);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pagewalk: %s\n", printable(error.what()).c_str());
        return 1;
    }
}

int main(int argc, char** argv) {
    raise_stack_limit();
    hold_standard_descriptors();
    take_file_size_limit_as_error();
    app::remember_command_line(argc, argv);
    constexpr const char* silence = "SYSTEMC_DISABLE_COPYRIGHT_MESSAGE";
    own_silence = getenv(silence) == nullptr;
    setenv(silence, "1", 0);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    return sc_core::sc_elab_and_sim(argc, argv);
}
