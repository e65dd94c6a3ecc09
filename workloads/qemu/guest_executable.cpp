#include "workloads/qemu/guest_executable.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

constexpr int max_interpreters = 4; // Linux: 5 levels in all, fs/exec.c

bool is_regular_file(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

void check_executable(const std::string& path) {
    if (access(path.c_str(), F_OK) != 0) throw InputError("program " + path + ": " + std::strerror(errno));
    if (!is_regular_file(path)) throw InputError("program " + path + ": not a regular file");
    if (access(path.c_str(), X_OK) != 0) throw InputError("program " + path + ": not executable");
}

void check_elf(const std::string& path, const std::string& head) {
    Elf64_Ehdr header{};
    const std::string wanted = "; Pagewalk runs x86-64 Linux programs";
    if (head.size() < SELFMAG || std::memcmp(head.data(), ELFMAG, SELFMAG) != 0) {
        throw InputError("program " + path + ": neither an ELF executable nor a script with a #! line" +
                         wanted);
    }
    if (head.size() < sizeof header)
        throw InputError("program " + path + ": the ELF header is cut short" + wanted);
    std::memcpy(&header, head.data(), sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) {
        throw InputError("program " + path + ": an ELF file for another machine (class " +
                         std::to_string(header.e_ident[EI_CLASS]) + ", machine " +
                         std::to_string(header.e_machine) + ")" + wanted);
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        throw InputError("program " + path + ": an ELF file, but not an executable" + wanted);
    }
}

/// The words of a #! line as Linux splits it: the interpreter and at most one argument.
std::vector<std::string> interpreter_words(const std::string& head) {
    std::string line = head.substr(2, head.find('\n') - 2);
    const auto trim = [](const std::string& text) {
        const auto first = text.find_first_not_of(" \t");
        if (first == std::string::npos) return std::string();
        return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
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

GuestExecutable find_guest_executable(const std::vector<std::string>& argv) {
    if (argv.empty() || argv[0].empty()) throw InputError("no program given to run");
    GuestExecutable result{argv[0], argv};
    if (argv[0].find('/') == std::string::npos) {
        result.path = find_in_path(argv[0]);
        if (result.path.empty()) throw InputError("program " + argv[0] + ": not found in PATH");
    }
    for (int level = 0; level <= max_interpreters; ++level) {
        check_executable(result.path);
        std::ifstream file(result.path, std::ios::binary);
        std::array<char, 512> buffer{};
        file.read(buffer.data(), buffer.size());
        const std::string head(buffer.data(), static_cast<std::size_t>(file.gcount()));
        if (!head.starts_with("#!")) {
            if (head.empty()) throw InputError("program " + result.path + ": cannot be read, or is empty");
            check_elf(result.path, head);
            return result;
        }
        std::vector<std::string> words = interpreter_words(head);
        if (words[0].empty())
            throw InputError("program " + result.path + ": its #! line names no interpreter");
        if (!is_regular_file(words[0]))
            throw InputError("program " + result.path + ": the interpreter of its #! line, " + words[0] +
                             ", is not there");
        words.push_back(result.path);
        words.insert(words.end(), result.argv.begin() + 1, result.argv.end());
        result = {words[0], words};
    }
    throw InputError("program " + argv[0] + ": too many interpreters in a row");
}

} // namespace pagewalk::workloads
