#include "base/scratch_folder.h"
#include "results/run_reader.h"
#include "results/summary_text.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/unit/results/sample_run.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// Results files that are damaged: the input is a list of changes of a whole one. HDF5 1.10 itself can crash
// over one, which is why Pagewalk reads results in a process of their own (app/read_apart.h), and so does
// this: what must not be is an error that is not ours, or a reader without end.
namespace {

using namespace pagewalk;

constexpr unsigned longest_seconds = 20;

void read_all(const std::string& path) {
    const results::RunReader run(path);
    (void)results::summary_page(run, results::Colour::Off);
    (void)run.stats();
    (void)run.histograms();
    for (const std::string& name : run.event_names()) (void)run.events(name, 100);
    for (const std::string& name : run.proc_names()) (void)run.proc(name);
    for (const char* name : {"config", "machine", "command_line", "no_effect"}) (void)run.meta(name);
}

std::string whole_file() {
    const ScratchFolder folder;
    results::SampleRun().write(folder / "run.h5", 50);
    std::ifstream in(folder / "run.h5", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Each change takes six bytes: where (four), how and with what. Up to eight: more say nothing new.
std::string damaged(std::string file, const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t change_bytes = 6, most_changes = 8;
    for (std::size_t i = 0; i < most_changes && (i + 1) * change_bytes <= size; ++i) {
        const std::uint8_t* const change = data + i * change_bytes;
        std::uint32_t where = 0;
        std::memcpy(&where, change, sizeof where);
        const std::size_t at = where % file.size();
        switch (change[4] % 4) {
        case 0:
            file[at] = static_cast<char>(file[at] ^ 1 << change[5] % 8);
            break;
        case 1:
            file[at] = static_cast<char>(change[5]);
            break;
        case 2: // as sizes and addresses are
            for (std::size_t byte = at; byte < std::min(at + 8, file.size()); ++byte) file[byte] = '\xff';
            break;
        default:
            file.resize(at + 1);
        }
    }
    return file;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string whole = whole_file();
    const std::string bytes = damaged(whole, data, size);
    const fuzz::InputFile file(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    const std::string path = file.path();
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        alarm(longest_seconds);
        int status = 1;
        try {
            fuzz::read_or_refuse([&path] { read_all(path); });
            status = 0;
        } catch (const std::bad_alloc&) {
            status = 0; // a size that is not the file's: refused as damage
        } catch (const std::exception& error) {
            std::fprintf(stderr, "results_fuzz: %s\n", error.what());
        }
        _exit(status);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) std::abort();
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) std::abort();
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) std::abort();
    return 0;
}
