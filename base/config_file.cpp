#include "base/config_file.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>

namespace pagewalk {
namespace {

namespace po = boost::program_options;

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

/// Line of each key; the parser itself keeps none. Throws for a key set twice.
std::map<std::string, std::size_t> lines_of_keys(const std::string& file, const std::string& content) {
    std::map<std::string, std::size_t> lines;
    std::istringstream in(content);
    std::string section, line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        const std::string text = trimmed(std::string_view(line).substr(0, line.find('#')));
        if (text.empty()) continue;
        if (text.front() == '[' && text.back() == ']') {
            section = trimmed(std::string_view(text).substr(1, text.size() - 2)) + ".";
        } else if (const auto equals = text.find('='); equals != std::string::npos) {
            const std::string key = section + trimmed(std::string_view(text).substr(0, equals));
            if (const auto [at, fresh] = lines.emplace(key, number); !fresh)
                throw ConfigError(file + ":" + std::to_string(number) + ": " + key +
                                  " is already set in line " + std::to_string(at->second) +
                                  "; a key may be set once in a file");
        } else {
            throw ConfigError(file + ":" + std::to_string(number) + ": '" + text +
                              "' is neither a [section], a 'key = value' nor a # comment");
        }
    }
    return lines;
}

void load(const std::filesystem::path& file, OptionSet& options, std::vector<std::filesystem::path>& chain) {
    std::error_code ignored;
    const std::filesystem::path canonical = std::filesystem::weakly_canonical(file, ignored);
    if (std::ranges::find(chain, canonical) != chain.end())
        throw ConfigError(file.string() + ": base files form a circle through " + chain.back().string());
    if (std::filesystem::is_directory(file, ignored))
        throw ConfigError(file.string() + ": is a directory; a config file (.cfg) is wanted");
    std::ifstream in(file);
    std::stringstream buffer;
    if (!in || !(buffer << in.rdbuf()))
        throw ConfigError(file.string() + ": cannot read this config file" +
                          (chain.empty() ? std::string() : " (base of " + chain.back().string() + ")"));
    const std::string content = buffer.str();
    const auto lines = lines_of_keys(file.string(), content);

    po::options_description any;
    std::istringstream text(content);
    std::vector<std::pair<std::string, std::string>> values;
    try {
        for (const auto& item : po::parse_config_file(text, any, true).options)
            values.emplace_back(item.string_key, item.value.empty() ? std::string() : item.value.front());
    } catch (const po::error& error) {
        throw ConfigError(file.string() + ": " + error.what());
    }
    chain.push_back(canonical);
    for (const auto& [key, value] : values)
        if (key == "base") load(file.parent_path() / value, options, chain);
    for (const auto& [key, value] : values)
        if (key != "base") {
            const auto line = lines.find(key);
            options.set(key, value,
                        file.string() + ":" + std::to_string(line == lines.end() ? 0 : line->second));
        }
    chain.pop_back();
}

} // namespace

void load_config_file(const std::filesystem::path& file, OptionSet& options) {
    std::vector<std::filesystem::path> chain;
    load(file, options, chain);
}

void apply_settings(std::span<const std::string> settings, OptionSet& options) {
    for (const std::string& setting : settings) {
        const auto equals = setting.find('=');
        if (equals == std::string::npos || equals == 0)
            throw ConfigError("--set " + setting + ": is not of the form key=value");
        options.set(trimmed(std::string_view(setting).substr(0, equals)),
                    trimmed(std::string_view(setting).substr(equals + 1)), "--set");
    }
}

} // namespace pagewalk
