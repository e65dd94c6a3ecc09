#include "app/shell_pages.h"

#include "app/system_config.h"
#include "app/version.h"
#include "base/error.h"

#include <algorithm>
#include <iostream>

namespace pagewalk::app {

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// Text of a manual page: a backslash, and a dot or quote at a line's start, mean something else there.
std::string roff(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\') {
            escaped += "\\e";
        } else if (c == '-') {
            escaped += "\\-";
        } else {
            escaped += c;
        }
    }
    return escaped.starts_with('.') || escaped.starts_with('\'') ? "\\&" + escaped : escaped;
}

void refuse_words(const char* command, std::span<const std::string> arguments) {
    if (!arguments.empty())
        throw InputError(std::string(command) + ": '" + arguments.front() +
                         "' is not understood; usage: pagewalk " + command);
}

} // namespace

std::vector<std::string> dashed_words(std::string_view usage) {
    constexpr std::string_view ends = " ]|[.,";
    std::vector<std::string> words;
    for (std::size_t at = usage.find('-'); at != std::string_view::npos; at = usage.find('-', at)) {
        const std::size_t end = std::min(usage.find_first_of(ends, at), usage.size());
        const std::string word(usage.substr(at, end - at));
        const bool begins = at == 0 || ends.contains(usage[at - 1]);
        if (begins && word != "--" && std::ranges::find(words, word) == words.end()) words.push_back(word);
        at = std::max(end, at + 1);
    }
    return words;
}

void print_completion(std::span<const Command> commands, std::span<const Option> options, std::ostream& out) {
    std::vector<std::string> names, keys;
    for (const Command& command : commands) names.emplace_back(command.name);
    for (const Option& option : options) keys.push_back(option.key + "=");
    out << "# Completion of pagewalk for bash and zsh: source <(pagewalk completion)\n"
           "if [[ -n ${ZSH_VERSION-} ]]; then\n"
           "    autoload -U +X compinit && compinit -u\n"
           "    autoload -U +X bashcompinit && bashcompinit\n"
           "    compopt() { :; } # zsh has none\n"
           "fi\n"
           "_pagewalk() {\n"
           "    [[ -n ${ZSH_VERSION-} ]] && setopt localoptions ksharrays shwordsplit\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
           "    if ((COMP_CWORD == 1)) || { ((COMP_CWORD == 2)) && [[ $previous == help ]]; }; then\n"
           "        COMPREPLY=($(compgen -W '"
        << joined(names)
        << " help' -- \"$current\"))\n"
           "        return\n"
           "    fi\n"
           "    if [[ $previous == --set || $previous == -s ]]; then\n"
           "        compopt -o nospace\n"
           "        COMPREPLY=($(compgen -W '"
        << joined(keys)
        << "' -- \"$current\"))\n"
           "        return\n"
           "    fi\n"
           "    case ${COMP_WORDS[1]} in\n";
    for (const Command& command : commands)
        out << "    " << command.name << ") words='" << joined(dashed_words(command.usage)) << "' ;;\n";
    out << "    esac\n"
           "    if [[ $current == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$words --help\" -- \"$current\"))\n"
           "    else\n"
           "        compopt -o filenames\n"
           "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "    fi\n"
           "}\n"
           "complete -F _pagewalk pagewalk ./pagewalk\n";
}

void print_manual(std::span<const Command> commands, std::span<const Option> options, std::ostream& out) {
    out << ".TH PAGEWALK 1 \"\" \"Pagewalk " << version()
        << "\"\n.SH NAME\npagewalk \\- simulates memory systems, hardware and OS together\n"
        << ".SH SYNOPSIS\n.B pagewalk\n.I COMMAND\n[WORDS]\n.SH COMMANDS\n";
    for (const Command& command : commands)
        out << ".TP\n.B pagewalk " << roff(command.name) << "\n"
            << roff(command.usage) << "\n.br\n"
            << roff(command.summary) << "\n";
    out << ".SH CONFIGURATION\nKeys of config files ([section] and key = value) and of \\-\\-set "
           "section.key=value.\n";
    for (const Option& option : options)
        out << ".TP\n.B " << roff(option.key) << "\n"
            << roff(option.text.meaning)
            << ". Default: " << (option.default_text.empty() ? "(empty)" : roff(option.default_text))
            << "; allowed: " << roff(option.allowed) << ".\n";
    out << ".SH EXIT STATUS\n0: done. 1: the run failed, the simulated program's death included; compare: "
           "something moved.\n"
           "2: the input is wrong, and nothing was written.\n";
}

int run_completion(std::span<const std::string> arguments) {
    refuse_words("completion", arguments);
    const SystemConfig config;
    print_completion(commands(), config.options.all(), std::cout);
    return 0;
}

int run_manual(std::span<const std::string> arguments) {
    refuse_words("man", arguments);
    const SystemConfig config;
    print_manual(commands(), config.options.all(), std::cout);
    return 0;
}

} // namespace pagewalk::app
