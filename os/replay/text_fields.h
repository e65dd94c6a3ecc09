#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// Calls `visit(line, number)` for each line of a text; the first is number 1.
template <class Visit>
void for_each_line(std::string_view text, Visit visit) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        visit(line, number);
    }
}

/// One line of a capture's text, split at blanks; knows how to complain about itself.
class TextFields {
public:
    TextFields(std::string_view line, const std::string& file, std::size_t number);

    [[nodiscard]] std::size_t size() const { return m_fields.size(); }
    [[nodiscard]] std::string_view operator[](std::size_t i) const { return m_fields[i]; }

    /// Field `i` as a number. Errors: InputError naming the file, the line and `what`.
    template <class T = std::uint64_t>
    [[nodiscard]] T number(std::size_t i, const char* what, int base = 10) const {
        if (i >= m_fields.size()) fail(what, "is missing");
        T value{};
        const std::string_view field = m_fields[i];
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, base);
        if (error != std::errc{} || end != field.data() + field.size())
            fail(what,
                 "is \"" + std::string(field) + "\", not a number" + (base == 16 ? " in hexadecimal" : ""));
        return value;
    }
    template <class T = std::uint64_t>
    [[nodiscard]] T hex(std::size_t i, const char* what) const {
        return number<T>(i, what, 16);
    }
    [[noreturn]] void fail(const char* what, const std::string& why) const;

private:
    const std::string& m_file;
    std::size_t m_number;
    std::vector<std::string_view> m_fields;
};

} // namespace pagewalk::os
