#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pagewalk::results {

/// "1234567", "0.123457", the text itself; "-" for NaN.
[[nodiscard]] std::string format_value(const std::variant<std::uint64_t, double, std::string>& value);
[[nodiscard]] std::string format_number(double value);

/// Rows of cells, each column as wide as its widest cell, two spaces apart. Numbers are set to the right.
class TextTable {
public:
    void add(std::vector<std::string> row) { m_rows.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const { return m_rows.empty(); }
    [[nodiscard]] std::string text(std::string_view indent = "") const;

private:
    std::vector<std::vector<std::string>> m_rows;
};

} // namespace pagewalk::results
