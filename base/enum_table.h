#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pagewalk {

/// Has this value of an enumeration a name? Compilers spell one that has none as a cast: "(Colour)7".
template <auto value>
consteval bool is_enumerator() {
    const std::string_view spelling = __PRETTY_FUNCTION__;
    return spelling[spelling.find("value = ") + 8] != '(';
}

template <auto first, std::size_t count = 0>
consteval std::size_t count_enumerators() {
    using Enum = decltype(first);
    constexpr auto next =
        static_cast<Enum>(static_cast<std::underlying_type_t<Enum>>(static_cast<std::size_t>(first) + count));
    if constexpr (static_cast<std::size_t>(next) != static_cast<std::size_t>(first) + count)
        return count; // the underlying type ends here
    else if constexpr (is_enumerator<next>())
        return count_enumerators<first, count + 1>();
    else
        return count;
}

/// How many enumerators an enumeration has whose values follow each other from `first` on.
template <class Enum, Enum first = Enum{}>
inline constexpr std::size_t enum_count = count_enumerators<first>();

/// One value for each enumerator of `Enum`, written as rows of {enumerator, value} in any order:
///     constexpr EnumTable<Colour, int> wavelengths{{Colour::Red, 700}, {Colour::Green, 530}};
/// Does not compile where an enumerator is missing or has two rows. The enumerators' values follow each
/// other from `first` on.
template <class Enum, class Value, Enum first = Enum{}>
class EnumTable {
public:
    using Row = std::pair<Enum, Value>;
    static constexpr std::size_t count = enum_count<Enum, first>;

    consteval EnumTable(std::initializer_list<Row> rows) {
        if (!is_complete(rows)) throw "each enumerator wants one row";
        for (const Row& row : rows) m_values[place_of(row.first)] = row.second;
    }

    /// Is there one row for each enumerator?
    [[nodiscard]] static constexpr bool is_complete(std::initializer_list<Row> rows) {
        std::array<bool, count> seen{};
        for (const Row& row : rows)
            if (std::exchange(seen[place_of(row.first)], true)) return false;
        return rows.size() == count;
    }

    [[nodiscard]] constexpr const Value& operator[](Enum key) const { return m_values[place_of(key)]; }
    /// Values in the order of the enumerators.
    [[nodiscard]] constexpr auto begin() const { return m_values.begin(); }
    [[nodiscard]] constexpr auto end() const { return m_values.end(); }
    [[nodiscard]] static constexpr std::size_t size() { return count; }

private:
    [[nodiscard]] static constexpr std::size_t place_of(Enum key) {
        return static_cast<std::size_t>(key) - static_cast<std::size_t>(first);
    }

    std::array<Value, count> m_values{};
};

/// The names of an enumeration's values.
template <class Enum, Enum first = Enum{}>
using EnumNames = EnumTable<Enum, std::string_view, first>;

/// name_of() each enumerator of an enumeration that begins at 0, in order.
template <class Enum>
std::vector<std::string> enumerator_names() {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < enum_count<Enum>; ++i) names.emplace_back(name_of(static_cast<Enum>(i)));
    return names;
}

} // namespace pagewalk
