#include "app/command.h"
#include "app/version.h"
#include "base/error.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <new>
#include <string>
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
    std::fprintf(out, "\nStart with: ./pagewalk run configs/experiments/quickstart.cfg\n");
}

int dispatch(const std::vector<std::string>& words) {
    if (words.empty()) {
        print_help(stderr);
        return 2;
    }
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        print_help(stdout);
        return 0;
    }
    if (words[0] == "--version") {
        std::printf("pagewalk %s\n", std::string(app::version()).c_str());
        return 0;
    }
    std::string known;
    for (const app::Command& command : app::commands()) {
        if (command.name == words[0]) return app::run_command(command, std::span(words).subspan(1));
        known += (known.empty() ? "" : ", ") + std::string(command.name);
    }
    throw InputError("unknown command '" + words[0] + "'; known: " + known);
}

/// Where a standard descriptor is closed, keeps files of ours from taking its number. The program that we
/// start still finds it closed.
void hold_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        [[maybe_unused]] const int held = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
}

} // namespace

// libsystemc owns main(); see its sc_main contract.
int sc_main(int argc, char** argv) {
    try {
        std::vector<std::string> words(argv + 1, argv + argc);
        return dispatch(words);
    } catch (const InputError& error) {
        std::fprintf(stderr, "pagewalk: %s\n", error.what());
        return 2;
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "pagewalk: the host has no more memory for this simulation\n");
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pagewalk: %s\n", error.what());
        return 1;
    }
}

int main(int argc, char** argv) {
    hold_standard_descriptors();
    app::remember_command_line(argc, argv);
    setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 0);
    sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
    return sc_core::sc_elab_and_sim(argc, argv);
}
