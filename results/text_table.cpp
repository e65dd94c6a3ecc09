#include "results/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace pagewalk::results {

namespace {

bool is_number(std::string_view cell) {
    return !cell.empty() && cell.find_first_not_of("0123456789.+-e %") == std::string_view::npos;
}

/// Characters on the terminal: UTF-8 continuation bytes take no place.
std::size_t width_of(std::string_view cell) {
    return static_cast<std::size_t>(
        std::ranges::count_if(cell, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

} // namespace

std::string format_number(double value) {
    if (std::isnan(value)) return "-";
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), std::abs(value) >= 1e6 ? "%.0f" : "%.6g", value);
    return text.data();
}

std::string format_value(const std::variant<std::uint64_t, double, std::string>& value) {
    if (const auto* count = std::get_if<std::uint64_t>(&value)) return std::to_string(*count);
    if (const auto* real = std::get_if<double>(&value)) return format_number(*real);
    return std::get<std::string>(value);
}

std::string TextTable::text(std::string_view indent) const {
    std::vector<std::size_t> widths;
    for (const auto& row : m_rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    std::string text;
    for (const auto& row : m_rows) {
        std::string line(indent);
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string space(widths[i] - width_of(row[i]), ' ');
            line += (i == 0 ? "" : "  ") + (is_number(row[i]) ? space + row[i] : row[i] + space);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

} // namespace pagewalk::results
