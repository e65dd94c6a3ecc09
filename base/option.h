#pragma once

#include "base/enum_table.h"
#include "base/error.h"
#include "base/time.h"
#include "base/units.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pagewalk {

/// What a reader of the option tables is told.
struct OptionText {
    Unit unit = Unit::None;
    std::string meaning;
    std::string source; ///< manual, paper, measurement, or "assumed"
};

/// Inclusive.
struct OptionRange {
    std::uint64_t min = 0;
    std::uint64_t max = ~0ULL;
    enum class Shape : std::uint8_t { Any, PowerOfTwo } shape = Shape::Any;
};

struct Option {
    std::string key;
    OptionText text;
    std::string default_text;
    std::string allowed;
    std::string where = "default"; ///< file:line or command line that set it last
    std::function<std::expected<void, std::string>(std::string_view)> set;
    std::function<std::string()> get;
};

/// The options of one configuration, each bound to its field in a config struct. The struct must outlive the
/// set. A module declares its options once:
///     void declare(OptionGroup g) { g.number("entries", entries, {1, 65536}, {Unit::Count, "entries", "Intel
///     ..."}); }
class OptionSet;

class OptionGroup {
public:
    OptionGroup(OptionSet& set, std::string section) : m_set(&set), m_section(std::move(section)) {}

    /// A group below this one: group("l2_tlb") of [mmu] is [mmu.l2_tlb].
    [[nodiscard]] OptionGroup group(std::string_view name) const;

    template <class T>
    requires(std::is_unsigned_v<T> && !std::is_same_v<T, bool>) void number(std::string_view name, T& field,
                                                                            OptionRange range,
                                                                            OptionText text) {
        if (range.max > static_cast<T>(~T{0})) range.max = static_cast<T>(~T{0});
        number_option(
            name, range, std::move(text), [&field](std::uint64_t v) { field = static_cast<T>(v); },
            [&field] { return static_cast<std::uint64_t>(field); });
    }
    /// A strong count: Tick with Unit::Ticks, Cycles with Unit::Cycles.
    template <class Tag>
    void number(std::string_view name, Count<Tag>& field, OptionRange range, OptionText text) {
        number_option(
            name, range, std::move(text), [&field](std::uint64_t v) { field = Count<Tag>(v); },
            [&field] { return field.value(); });
    }
    /// on or off.
    void flag(std::string_view name, bool& field, OptionText text);
    void text(std::string_view name, std::string& field, OptionText text);
    /// One of an enumeration's names:
    ///     g.choice("policy", policy, {{Policy::Lru, "lru"}, {Policy::Random, "random"}}, {...});
    template <class E>
    void choice(std::string_view name, E& field, const EnumNames<std::type_identity_t<E>>& names,
                OptionText text) {
        choice_option(
            name, {names.begin(), names.end()}, std::move(text),
            [&field](std::size_t i) { field = static_cast<E>(i); },
            [&field] { return static_cast<std::size_t>(field); });
    }

private:
    void number_option(std::string_view name, OptionRange range, OptionText text,
                       std::function<void(std::uint64_t)> store, std::function<std::uint64_t()> load);
    void choice_option(std::string_view name, std::vector<std::string> names, OptionText text,
                       std::function<void(std::size_t)> store, std::function<std::size_t()> load);
    void add(std::string_view name, Option option);

    OptionSet* m_set;
    std::string m_section;
};

class OptionSet {
public:
    [[nodiscard]] OptionGroup group(std::string_view section) { return {*this, std::string(section)}; }

    /// Sections of one shape, [program.1] to [program.<most>]: `declare` declares the options of a number's
    /// group when the first of them is set. Others have no effect and are in no list.
    void numbered(std::string_view section, std::uint64_t most,
                  std::function<void(OptionGroup group, std::uint64_t number)> declare);

    /// Sets one option from text. `where` is "file:line" or "--set". Throws ConfigError for an unknown key
    /// (naming the nearest known one) or a value that is not allowed.
    void set(std::string_view key, std::string_view value, std::string_view where);

    [[nodiscard]] const std::vector<Option>& all() const { return m_options; }
    [[nodiscard]] const Option* find(std::string_view key) const;
    /// Where the option was set last, for messages of cross-field checks.
    [[nodiscard]] std::string where(std::string_view key) const;
    /// Every option with its value, as a config file that loads back to the same configuration.
    [[nodiscard]] std::string resolved() const;

private:
    friend class OptionGroup;
    struct NumberedSections {
        std::string name;
        std::uint64_t most = 0;
        std::function<void(OptionGroup, std::uint64_t)> declare;
        std::vector<std::uint64_t> declared;
    };
    void declare_numbered(std::string_view key, std::string_view where);

    std::vector<Option> m_options;
    std::vector<NumberedSections> m_numbered;
};

/// Does `text` match `pattern`, where * stands for any run of characters?
[[nodiscard]] bool matches_glob(std::string_view text, std::string_view pattern);

} // namespace pagewalk
