#include "app/run_inputs.h"

#include "app/words.h"
#include "results/file_checksum.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>
#include <system_error>
#include <unistd.h>

namespace pagewalk::app {

namespace {

namespace fs = std::filesystem;

/// The file that execvp would start; empty: none.
fs::path executable(const std::string& word, const fs::path& directory) {
    if (word.find('/') != std::string::npos) return directory / word;
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');)
        if (const fs::path file = fs::path(folder) / word; ::access(file.c_str(), X_OK) == 0) return file;
    return {};
}

bool is_below(const fs::path& file, const fs::path& folder) {
    return !folder.empty() && file.lexically_relative(folder).native().substr(0, 2) != "..";
}

/// Adds files, each once.
class Collector {
public:
    Collector(fs::path directory, fs::path scratch)
        : m_directory(std::move(directory)), m_scratch(std::move(scratch)) {}

    void add(const fs::path& named) {
        std::error_code error;
        const fs::path file = (m_directory / named).lexically_normal();
        if (named.empty() || !fs::is_regular_file(file, error) || is_below(file, m_scratch)) return;
        if (std::ranges::find(m_files, file, &InputFile::path) != m_files.end()) return;
        try {
            const std::uint64_t bytes = fs::file_size(file);
            m_files.push_back({.path = file, .bytes = bytes, .checksum = results::file_checksum(file)});
        } catch (const std::system_error&) {
            // Whoever reads it says so.
        }
    }
    void add_command(const std::string& command, const std::string& input) {
        std::vector<std::string> words = split_words(command);
        if (words.empty()) return;
        add(executable(words.front(), m_directory));
        for (std::size_t i = 1; i < words.size(); ++i) add(words[i]);
        add(input);
    }
    [[nodiscard]] std::vector<InputFile> take() { return std::move(m_files); }

private:
    fs::path m_directory;
    fs::path m_scratch;
    std::vector<InputFile> m_files;
};

bool is_secret(std::string name) {
    constexpr std::array<std::string_view, 7> signs{"KEY",  "TOKEN", "SECRET", "PASS",
                                                    "CRED", "AUTH",  "COOKIE"};
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
    return std::ranges::any_of(signs,
                               [&](std::string_view sign) { return name.find(sign) != std::string::npos; });
}

std::string described(const InputFile& file) {
    std::array<char, 16> checksum{};
    std::snprintf(checksum.data(), checksum.size(), "%08x", file.checksum);
    return std::string(checksum.data()) + " " + std::to_string(file.bytes);
}

} // namespace

std::vector<InputFile> input_files(const SystemConfig& config, const fs::path& directory,
                                   const fs::path& scratch) {
    const fs::path here = fs::current_path();
    Collector live(here / directory, scratch), traces(here, {});
    if (config.programs.empty() && config.workload.kind == WorkloadKind::Program)
        live.add_command(config.workload.program, config.workload.input);
    if (config.programs.empty() && config.workload.kind == WorkloadKind::Trace)
        traces.add(config.workload.trace);
    for (const auto& [number, program] : config.programs) {
        live.add_command(program.command, program.input);
        traces.add(program.trace);
    }
    std::vector<InputFile> files = traces.take();
    for (InputFile& file : live.take()) files.push_back(std::move(file));
    return files;
}

std::string inputs_text(std::span<const InputFile> inputs) {
    std::string text;
    for (const InputFile& file : inputs) text += described(file) + " " + file.path.string() + "\n";
    return text;
}

std::vector<InputFile> parse_inputs(std::string_view text) {
    std::vector<InputFile> files;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        InputFile file;
        std::string path;
        if (words >> std::hex >> file.checksum >> std::dec >> file.bytes &&
            std::getline(words >> std::ws, path)) {
            file.path = path;
            files.push_back(std::move(file));
        }
    }
    return files;
}

std::vector<std::string> changed_inputs(std::span<const InputFile> inputs) {
    std::vector<std::string> changes;
    for (const InputFile& before : inputs) {
        std::error_code error;
        const std::uint64_t bytes = fs::file_size(before.path, error);
        if (error) {
            changes.push_back(before.path.string() + " is gone");
            continue;
        }
        const InputFile now{
            .path = before.path, .bytes = bytes, .checksum = results::file_checksum(before.path)};
        if (now != before)
            changes.push_back(before.path.string() + " is another: " + described(now) +
                              " (CRC-32 and bytes), was " + described(before));
    }
    return changes;
}

std::string environment_text() {
    std::string text;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string word = *entry;
        const std::string name = word.substr(0, word.find('='));
        text += (text.empty() ? "" : " ") + shell_quoted(is_secret(name) ? name : word);
    }
    return text;
}

void restore_environment(std::string_view text) {
    std::map<std::string, std::string> kept;
    const std::vector<std::string> words = split_words(text);
    for (const std::string& word : words) {
        if (word.find('=') != std::string::npos) continue;
        if (const char* const value = std::getenv(word.c_str()); value != nullptr) kept[word] = value;
    }
    ::clearenv();
    for (const std::string& word : words) {
        const std::size_t equals = word.find('=');
        if (equals != std::string::npos)
            ::setenv(word.substr(0, equals).c_str(), word.c_str() + equals + 1, 1);
        else if (const auto found = kept.find(word); found != kept.end())
            ::setenv(word.c_str(), found->second.c_str(), 1);
    }
}

std::vector<results::SummaryValue> surrounding_facts(const SystemConfig& config, const fs::path& directory,
                                                     const fs::path& scratch, bool is_live) {
    std::vector<results::SummaryValue> facts{
        {"working_directory", fs::current_path().string(), "text", "where Pagewalk was called"},
        {"inputs", inputs_text(input_files(config, directory, scratch)), "text",
         "files that the run reads: CRC-32, bytes, path"}};
    if (is_live)
        facts.push_back({"environment", environment_text(), "text",
                         "variables of live programs, as a shell reads them; secrets without value"});
    return facts;
}

} // namespace pagewalk::app
