#include "base/config_value.h"

#include "base/printable.h"

#include <charconv>

namespace pagewalk {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view quoted_begin = "$'";

bool is_blank(char c) { return blanks.contains(c); }

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string_view without_comment(std::string_view text) {
    bool word_begins = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (word_begins && c == '#') return text.substr(0, i);
        if (word_begins && (c == '"' || c == '\''))
            if (const auto end = text.find(c, i + 1); end != std::string_view::npos) i = end;
        word_begins = is_blank(c);
    }
    return text;
}

/// Reads what an escape stands for from the text behind its backslash, and cuts it off. False: not known.
bool read_escape(std::string_view& text, std::string& to) {
    if (text.empty()) return false;
    const char c = text.front();
    text.remove_prefix(1);
    switch (c) {
    case 'n':
        to += '\n';
        return true;
    case 't':
        to += '\t';
        return true;
    case 'r':
        to += '\r';
        return true;
    case '\\':
    case '\'':
        to += c;
        return true;
    case 'x': {
        unsigned byte = 0;
        if (text.size() < 2) return false;
        const auto [end, error] = std::from_chars(text.data(), text.data() + 2, byte, 16);
        if (error != std::errc() || end != text.data() + 2) return false;
        to += static_cast<char>(byte);
        text.remove_prefix(2);
        return true;
    }
    default:
        return false;
    }
}

std::expected<std::string, std::string> read_quoted(std::string_view text) {
    std::string value;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c == '\'') {
            if (!trimmed(without_comment(text)).empty())
                return std::unexpected("has text behind its closing quote");
            return value;
        }
        if (c != '\\') {
            value += c;
        } else if (!read_escape(text, value)) {
            return std::unexpected("has an unknown escape; known are \\n, \\t, \\r, \\\\, \\' and \\xHH");
        }
    }
    return std::unexpected("has no closing quote");
}

} // namespace

std::expected<std::string, std::string> parse_config_value(std::string_view text) {
    text = trimmed(text);
    if (text.starts_with(quoted_begin)) return read_quoted(text.substr(quoted_begin.size()));
    return std::string(trimmed(without_comment(text)));
}

std::string format_config_value(std::string_view value) {
    const bool is_plain = printable(value) == value && !value.contains('\n') && !value.contains('\t');
    if (is_plain && parse_config_value(value) == value) return std::string(value);
    std::string text;
    for (const char c : value) {
        if (c == '\\' || c == '\'') text += '\\';
        text += c;
    }
    std::string line(quoted_begin);
    for (const char c : printable(text)) line += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
    return line + "'";
}

} // namespace pagewalk
