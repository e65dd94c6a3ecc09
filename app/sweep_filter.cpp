#include "app/sweep_filter.h"

#include "base/printable.h"
#include "base/units.h"

#include <array>
#include <cctype>

namespace pagewalk::app {

namespace {

struct FilterError {
    std::string text;
};

bool is_word_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

double quantity(const std::string& text) {
    for (const Unit unit :
         {Unit::Count, Unit::Bytes, Unit::Ticks, Unit::Hertz, Unit::Percent, Unit::BytesPerSecond})
        if (const auto value = parse_quantity(text, unit)) return static_cast<double>(*value);
    throw FilterError{"'" + excerpt(text) + "' is no number with a unit that is known"};
}

/// Recursive descent over the text; a rule a function, from the loosest to the tightest.
class FilterParser {
public:
    FilterParser(std::string_view text, const FilterWords& words) : m_text(text), m_words(words) {}

    bool whole() {
        const bool value = truth(either());
        skip_blanks();
        if (m_at != m_text.size())
            throw FilterError{"'" + excerpt(m_text.substr(m_at)) + "' is not expected there"};
        return value;
    }

private:
    FilterValue either() {
        FilterValue value = both();
        while (takes_word("or")) {
            const bool right = truth(both()); // also where the left side decides: its mistakes are told
            value = truth(value) || right;
        }
        return value;
    }

    FilterValue both() {
        FilterValue value = negation();
        while (takes_word("and")) {
            const bool right = truth(negation());
            value = truth(value) && right;
        }
        return value;
    }

    FilterValue negation() {
        if (takes_word("not")) return !truth(negation());
        return comparison();
    }

    FilterValue comparison() {
        FilterValue left = sum();
        for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"})
            if (takes(sign)) return compared(left, sign, sum());
        return left;
    }

    FilterValue sum() {
        FilterValue value = product();
        for (;;) {
            if (takes("+")) {
                value = number(value) + number(product());
            } else if (takes("-")) {
                value = number(value) - number(product());
            } else {
                return value;
            }
        }
    }

    FilterValue product() {
        FilterValue value = operand();
        for (;;) {
            if (takes("*")) {
                value = number(value) * number(operand());
            } else if (takes("/")) {
                value = number(value) / number(operand());
            } else {
                return value;
            }
        }
    }

    FilterValue operand() {
        if (++m_depth > most_depth) throw FilterError{"is nested too deeply"};
        FilterValue value = operand_at();
        --m_depth;
        return value;
    }

    FilterValue operand_at() {
        if (takes("(")) {
            FilterValue value = either();
            if (!takes(")")) throw FilterError{"lacks a closing parenthesis"};
            return value;
        }
        skip_blanks();
        if (m_at == m_text.size()) throw FilterError{"ends where a value is expected"};
        const char first = m_text[m_at];
        if (first == '\'' || first == '"') return quoted(first);
        const std::string word = take_word();
        if (word.empty())
            throw FilterError{"'" + excerpt(m_text.substr(m_at)) + "' stands where a value is expected"};
        if (std::isdigit(static_cast<unsigned char>(first)) != 0) return quantity(word);
        if (auto value = m_words(word)) return *value;
        throw FilterError{"'" + excerpt(word) +
                          "' is neither an axis nor a value of one; texts stand in quotes"};
    }

    std::string quoted(char quote) {
        const auto end = m_text.find(quote, m_at + 1);
        if (end == std::string_view::npos) throw FilterError{"has an open quote"};
        const std::string text(m_text.substr(m_at + 1, end - m_at - 1));
        m_at = end + 1;
        return text;
    }

    static bool truth(const FilterValue& value) {
        if (const bool* const known = std::get_if<bool>(&value)) return *known;
        throw FilterError{"compares nothing where a condition is expected"};
    }

    static double number(const FilterValue& value) {
        if (const double* const known = std::get_if<double>(&value)) return *known;
        throw FilterError{"calculates with what is no number"};
    }

    static bool compared(const FilterValue& left, std::string_view sign, const FilterValue& right) {
        if (left.index() != right.index()) throw FilterError{"compares a number with a text"};
        if (sign == "==") return left == right;
        if (sign == "!=") return left != right;
        const double a = number(left), b = number(right);
        if (sign == "<") return a < b;
        if (sign == "<=") return a <= b;
        return sign == ">" ? a > b : a >= b;
    }

    void skip_blanks() {
        while (m_at < m_text.size() && (m_text[m_at] == ' ' || m_text[m_at] == '\t')) ++m_at;
    }

    bool takes(std::string_view sign) {
        skip_blanks();
        if (!m_text.substr(m_at).starts_with(sign)) return false;
        m_at += sign.size();
        return true;
    }

    /// A number keeps its unit: 20%, 25.6GB/s.
    std::string take_word() {
        const std::size_t begin = m_at;
        while (m_at < m_text.size() && is_word_character(m_text[m_at])) ++m_at;
        const bool is_number = m_at > begin && std::isdigit(static_cast<unsigned char>(m_text[begin])) != 0;
        if (is_number && m_text.substr(m_at).starts_with("%")) ++m_at;
        if (is_number && m_text.substr(0, m_at).ends_with("B") && m_text.substr(m_at).starts_with("/s"))
            m_at += 2;
        return std::string(m_text.substr(begin, m_at - begin));
    }

    bool takes_word(std::string_view word) {
        skip_blanks();
        const std::string_view rest = m_text.substr(m_at);
        if (!rest.starts_with(word) || (rest.size() > word.size() && is_word_character(rest[word.size()])))
            return false;
        m_at += word.size();
        return true;
    }

    static constexpr int most_depth = 100;
    std::string_view m_text;
    const FilterWords& m_words;
    std::size_t m_at = 0;
    int m_depth = 0;
};

} // namespace

std::expected<bool, std::string> evaluate_filter(std::string_view text, const FilterWords& words) {
    try {
        return FilterParser(text, words).whole();
    } catch (const FilterError& error) {
        return std::unexpected(error.text);
    }
}

} // namespace pagewalk::app
