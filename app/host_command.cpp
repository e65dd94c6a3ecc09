#include "app/host_command.h"

#include "app/words.h"
#include "base/error.h"

#include <array>
#include <cstdio>
#include <sys/wait.h>

namespace pagewalk::app {

HostAnswer ask_host(std::span<const std::string> words) {
    std::string line;
    for (const std::string& word : words) line += shell_quoted(word) + " ";
    std::FILE* const pipe = ::popen((line + "</dev/null 2>&1").c_str(), "re");
    if (pipe == nullptr) throw RunError("cannot start a process for " + std::string(words.front()));
    HostAnswer answer;
    std::array<char, 4096> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe))
        answer.text.append(buffer.data(), size);
    const int status = ::pclose(pipe);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    while (answer.text.ends_with('\n')) answer.text.pop_back();
    return answer;
}

} // namespace pagewalk::app
