#include "workloads/qemu/guest_executable.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr int max_interpreters = 4;       // Linux: 5 levels in all
constexpr std::size_t head_bytes = 256;   // what Linux reads of a file to know its format
constexpr std::size_t max_headers = 4096; // bytes of program headers that Linux accepts

constexpr const char* wanted = "; Pagewalk runs x86-64 Linux programs";

bool is_regular_file(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Where a name of the program's world is found from ours.
struct Viewpoint {
    const std::string& directory;
    const std::string& process;

    [[nodiscard]] std::string seen(const std::string& path) const {
        const std::string self = "/proc/self/";
        if (path.starts_with(self)) return "/proc/" + process + "/" + path.substr(self.size());
        return path.starts_with('/') || directory.empty() ? path : directory + "/" + path;
    }
};

std::optional<ExecRefusal> check_executable(const std::string& name, const std::string& seen) {
    struct stat status {};
    if (stat(seen.c_str(), &status) != 0) return ExecRefusal{errno, name + ": " + std::strerror(errno)};
    if (!S_ISREG(status.st_mode)) return ExecRefusal{EACCES, name + ": not a regular file"};
    if (faccessat(AT_FDCWD, seen.c_str(), X_OK, AT_EACCESS) != 0)
        return ExecRefusal{EACCES, name + ": not executable"};
    return std::nullopt;
}

template <class Header>
std::optional<Header> read_at(std::ifstream& file, std::uint64_t offset) {
    Header header{};
    file.clear();
    file.seekg(static_cast<std::streamoff>(offset));
    if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return std::nullopt;
    return header;
}

/// The dynamic loader that the program asks for must be there.
std::optional<ExecRefusal> check_loader(const std::string& name, std::ifstream& file, const Elf64_Ehdr& elf) {
    if (elf.e_phnum * sizeof(Elf64_Phdr) > max_headers) return std::nullopt;
    for (unsigned i = 0; i < elf.e_phnum; ++i) {
        const auto segment = read_at<Elf64_Phdr>(file, elf.e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment || segment->p_type != PT_INTERP || segment->p_filesz > 4096) continue;
        std::string loader(segment->p_filesz, '\0');
        file.seekg(static_cast<std::streamoff>(segment->p_offset));
        file.read(loader.data(), static_cast<std::streamsize>(loader.size()));
        loader = loader.c_str();
        if (!is_regular_file(loader))
            return ExecRefusal{ENOENT, name + ": its dynamic loader, " + loader + ", is not there"};
    }
    return std::nullopt;
}

std::optional<ExecRefusal> check_elf(const std::string& name, std::ifstream& file, const std::string& head) {
    if (head.size() < SELFMAG || std::memcmp(head.data(), ELFMAG, SELFMAG) != 0)
        return ExecRefusal{ENOEXEC,
                           name + ": neither an ELF executable nor a script with a #! line" + wanted};
    const auto elf = read_at<Elf64_Ehdr>(file, 0);
    if (!elf) return ExecRefusal{ENOEXEC, name + ": the ELF header is cut short" + wanted};
    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64) {
        return ExecRefusal{ENOEXEC,
                           name + ": an ELF file for another machine (class " +
                               std::to_string(elf->e_ident[EI_CLASS]) + ", machine " +
                               std::to_string(elf->e_machine) + ")" + wanted,
                           true};
    }
    if (elf->e_type != ET_EXEC && elf->e_type != ET_DYN)
        return ExecRefusal{ENOEXEC, name + ": an ELF file, but not an executable" + wanted};
    return check_loader(name, file, *elf);
}

/// The words of a #! line as Linux splits it: the interpreter and at most one argument.
std::vector<std::string> interpreter_words(const std::string& head) {
    std::string line = head.substr(2, head.find('\n') - 2);
    const auto trim = [](const std::string& text) {
        const auto first = text.find_first_not_of(" \t");
        if (first == std::string::npos) return std::string();
        return text.substr(first, text.find_last_not_of(" \t") - first + 1);
    };
    line = trim(line);
    const auto space = line.find_first_of(" \t");
    std::vector<std::string> words{line.substr(0, space)};
    if (space != std::string::npos) words.push_back(trim(line.substr(space)));
    return words;
}

} // namespace

std::string find_in_path(const std::string& command) {
    if (command.find('/') != std::string::npos) return access(command.c_str(), X_OK) == 0 ? command : "";
    const char* path = std::getenv("PATH");
    std::istringstream directories(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        const std::string candidate = (directory.empty() ? "." : directory) + "/" + command;
        if (is_regular_file(candidate) && access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return "";
}

std::expected<GuestExecutable, ExecRefusal> resolve_executable(const std::string& path,
                                                               std::vector<std::string> argv,
                                                               const std::string& directory,
                                                               const std::string& process) {
    const Viewpoint view{directory, process};
    GuestExecutable result{path, std::move(argv)};
    if (result.argv.empty()) result.argv.emplace_back(); // Linux gives such a program an empty argv[0]
    for (int level = 0; level <= max_interpreters; ++level) {
        const std::string seen = view.seen(result.path);
        if (auto refusal = check_executable(result.path, seen)) return std::unexpected(*refusal);
        std::ifstream file(seen, std::ios::binary);
        if (!file) return std::unexpected(ExecRefusal{EACCES, result.path + ": cannot be read"});
        std::array<char, head_bytes> buffer{};
        file.read(buffer.data(), buffer.size());
        const std::string head(buffer.data(), static_cast<std::size_t>(file.gcount()));
        if (head.empty()) return std::unexpected(ExecRefusal{ENOEXEC, result.path + ": an empty file"});
        if (!head.starts_with("#!")) {
            if (auto refusal = check_elf(result.path, file, head)) return std::unexpected(*refusal);
            return result;
        }
        std::vector<std::string> words = interpreter_words(head);
        if (words[0].empty())
            return std::unexpected(ExecRefusal{ENOEXEC, result.path + ": its #! line names no interpreter"});
        if (!is_regular_file(view.seen(words[0])))
            return std::unexpected(ExecRefusal{ENOENT, result.path + ": the interpreter of its #! line, " +
                                                           words[0] + ", is not there"});
        words.push_back(result.path);
        words.insert(words.end(), result.argv.begin() + 1, result.argv.end());
        std::string interpreter = words[0];
        result = {std::move(interpreter), std::move(words)};
    }
    return std::unexpected(ExecRefusal{ELOOP, path + ": too many interpreters in a row"});
}

GuestExecutable find_guest_executable(const std::vector<std::string>& argv) {
    if (argv.empty() || argv[0].empty()) throw InputError("no program given to run");
    std::string path = argv[0];
    if (path.find('/') == std::string::npos) {
        path = find_in_path(argv[0]);
        if (path.empty()) throw InputError("program " + argv[0] + ": not found in PATH");
    }
    const auto found = resolve_executable(path, argv);
    if (!found) throw InputError("program " + found.error().reason);
    return *found;
}

} // namespace pagewalk::workloads
