#include "workloads/qemu/exec_call.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t max_path = PATH_MAX;
constexpr std::size_t max_word = 128UL << 10; // Linux: MAX_ARG_STRLEN
constexpr std::size_t shown_bytes = 4096;     // of a command line; what /proc/<pid>/cmdline was limited to

/// The name behind an open descriptor; the descriptor itself where its file has no name any more.
std::string name_behind(pid_t tid, int fd) {
    const std::string link = "/proc/" + std::to_string(tid) + "/fd/" + std::to_string(fd);
    std::array<char, max_path> target{};
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    std::string name(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    struct stat behind {
    }, named{};
    if (stat(link.c_str(), &behind) == 0 && stat(name.c_str(), &named) == 0 &&
        behind.st_dev == named.st_dev && behind.st_ino == named.st_ino)
        return name;
    return "/proc/self/fd/" + std::to_string(fd);
}

std::string path_at(pid_t tid, int directory, const std::string& path, std::uint64_t flags) {
    if (path.empty() && (flags & AT_EMPTY_PATH) != 0) return name_behind(tid, directory);
    if (path.empty() || path.front() == '/' || directory == AT_FDCWD) return path;
    return name_behind(tid, directory) + "/" + path;
}

} // namespace

std::expected<ExecCall, int> read_exec_call(const Tracee& tracee, pid_t tid) {
    const auto registers = tracee.registers();
    if (!registers) return std::unexpected(ESRCH);
    const bool at = registers->orig_rax == SYS_execveat;
    const auto path = tracee.text(at ? registers->rsi : registers->rdi, max_path);
    if (!path) return std::unexpected(EFAULT);
    const auto argv = tracee.pointers(at ? registers->rdx : registers->rsi);
    if (!argv) return std::unexpected(EFAULT);
    ExecCall call{at ? path_at(tid, static_cast<int>(registers->rdi), *path, registers->r8) : *path,
                  {},
                  *argv,
                  at ? registers->r10 : registers->rdx};
    if (call.path.empty()) return std::unexpected(ENOENT);
    std::size_t shown = 0;
    for (const std::uint64_t address : *argv) {
        const auto word = tracee.text(address, max_word);
        if (!word) return std::unexpected(EFAULT);
        call.words.push_back(*word);
        shown += word->size();
        if (shown > shown_bytes) break;
    }
    return call;
}

bool replace_exec(const Tracee& tracee, const std::string& path, const std::vector<std::string>& words,
                  std::span<const std::uint64_t> tail, std::uint64_t environment) {
    auto registers = tracee.registers();
    if (!registers) return false;
    BelowStack stack(registers->rsp);
    std::vector<std::uint64_t> argv;
    for (const std::string& word : words) argv.push_back(stack.add(word));
    argv.insert(argv.end(), tail.begin(), tail.end());
    registers->rdi = stack.add(path);
    registers->rsi = stack.add(argv);
    registers->rdx = environment;
    registers->orig_rax = SYS_execve;
    return stack.write_to(tracee) && tracee.set_registers(*registers);
}

void answer_call(const Tracee& tracee, std::int64_t result) {
    auto registers = tracee.registers();
    if (!registers) return;
    registers->orig_rax = ~0ULL;
    registers->rax = static_cast<std::uint64_t>(result);
    tracee.set_registers(*registers);
}

} // namespace pagewalk::workloads
