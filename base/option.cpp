#include "base/option.h"

#include "base/config_value.h"
#include "base/printable.h"
#include "base/spelling.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>

namespace pagewalk {
namespace {

std::string join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

std::string suggestion(std::string_view key, const std::vector<Option>& options) {
    std::vector<std::string_view> keys;
    for (const Option& option : options) keys.push_back(option.key);
    return did_you_mean(key, keys);
}

} // namespace

OptionGroup OptionGroup::group(std::string_view name) const {
    return {*m_set, m_section.empty() ? std::string(name) : m_section + "." + std::string(name)};
}

void OptionGroup::add(std::string_view name, Option option) {
    option.key = m_section.empty() ? std::string(name) : m_section + "." + std::string(name);
    option.default_text = option.get();
    m_set->m_options.push_back(std::move(option));
}

void OptionGroup::number_option(std::string_view name, OptionRange range, OptionText text,
                                std::function<void(std::uint64_t)> store,
                                std::function<std::uint64_t()> load) {
    const Unit unit = text.unit;
    std::string allowed = range.max == ~0ULL
                              ? "at least " + format_quantity(range.min, unit)
                              : format_quantity(range.min, unit) + " to " + format_quantity(range.max, unit);
    if (range.shape == OptionRange::Shape::PowerOfTwo) allowed += ", a power of two";
    Option option{.key = {}, .text = std::move(text), .default_text = {}, .allowed = allowed};
    option.set = [=, store = std::move(store)](std::string_view value) -> std::expected<void, std::string> {
        const auto parsed = parse_quantity(value, unit);
        if (!parsed) return std::unexpected(parsed.error() + "; allowed: " + allowed);
        if (*parsed < range.min || *parsed > range.max)
            return std::unexpected("is out of range; allowed: " + allowed);
        if (range.shape == OptionRange::Shape::PowerOfTwo && !std::has_single_bit(*parsed))
            return std::unexpected("is not a power of two; allowed: " + allowed);
        store(*parsed);
        return {};
    };
    option.get = [unit, load = std::move(load)] { return format_quantity(load(), unit); };
    add(name, std::move(option));
}

void OptionGroup::flag(std::string_view name, bool& field, OptionText text) {
    Option option{.key = {}, .text = std::move(text), .default_text = {}, .allowed = "on, off"};
    option.set = [&field](std::string_view value) -> std::expected<void, std::string> {
        if (value != "on" && value != "off") return std::unexpected("is not a switch; allowed: on, off");
        field = value == "on";
        return {};
    };
    option.get = [&field] { return std::string(field ? "on" : "off"); };
    add(name, std::move(option));
}

void OptionGroup::text(std::string_view name, std::string& field, OptionText text) {
    Option option{.key = {}, .text = std::move(text), .default_text = {}, .allowed = "text"};
    option.set = [&field](std::string_view value) -> std::expected<void, std::string> {
        field = value;
        return {};
    };
    option.get = [&field] { return field; };
    add(name, std::move(option));
}

void OptionGroup::choice_option(std::string_view name, std::vector<std::string> names, OptionText text,
                                std::function<void(std::size_t)> store, std::function<std::size_t()> load) {
    Option option{.key = {}, .text = std::move(text), .default_text = {}, .allowed = join(names)};
    option.set = [names,
                  store = std::move(store)](std::string_view value) -> std::expected<void, std::string> {
        const auto found = std::ranges::find(names, value);
        if (found == names.end()) return std::unexpected("is not known; allowed: " + join(names));
        store(static_cast<std::size_t>(found - names.begin()));
        return {};
    };
    option.get = [names = std::move(names), load = std::move(load)] { return names[load()]; };
    add(name, std::move(option));
}

const Option* OptionSet::find(std::string_view key) const {
    const auto found = std::ranges::find(m_options, key, &Option::key);
    return found == m_options.end() ? nullptr : &*found;
}

std::string OptionSet::where(std::string_view key) const {
    const Option* option = find(key);
    return option == nullptr ? "default" : option->where;
}

void OptionSet::numbered(std::string_view section, std::uint64_t most,
                         std::function<void(OptionGroup, std::uint64_t)> declare) {
    m_numbered.push_back({std::string(section), most, std::move(declare), {}});
}

/// Where `key` is of numbered sections: declares its own, unless it is there already.
void OptionSet::declare_numbered(std::string_view key, std::string_view where) {
    const auto of_key = [key](const NumberedSections& s) { return key.starts_with(s.name + "."); };
    const auto sections = std::ranges::find_if(m_numbered, of_key);
    if (sections == m_numbered.end()) return;
    const std::string_view rest = key.substr(sections->name.size() + 1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    const bool is_number = error == std::errc() && end != rest.data() + rest.size() && *end == '.' &&
                           rest.front() != '0' && number <= sections->most;
    if (!is_number)
        throw ConfigError(std::string(where) + ": unknown option '" + excerpt(key) + "'; sections are [" +
                          sections->name + ".1] to [" + sections->name + "." +
                          std::to_string(sections->most) + "]");
    if (std::ranges::find(sections->declared, number) != sections->declared.end()) return;
    sections->declared.push_back(number);
    sections->declare(group(sections->name + "." + std::to_string(number)), number);
}

void OptionSet::set(std::string_view key, std::string_view value, std::string_view where) {
    declare_numbered(key, where);
    const auto found = std::ranges::find(m_options, key, &Option::key);
    if (found == m_options.end()) {
        throw ConfigError(std::string(where) + ": unknown option '" + excerpt(key) + "'" +
                          suggestion(key, m_options) + " ('pagewalk options' lists every option)");
    }
    if (const auto done = found->set(value); !done)
        throw ConfigError(std::string(where), std::string(key), excerpt(value), done.error());
    found->where = where;
}

std::string OptionSet::resolved() const {
    // A section must appear once, wherever its options were declared.
    struct Section {
        std::string_view name;
        std::string lines;
    };
    std::vector<Section> sections;
    std::map<std::string_view, std::size_t> places;
    for (const Option& option : m_options) {
        const std::string_view key = option.key;
        const std::size_t dot = key.rfind('.');
        const std::string_view name = dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
        const auto [place, is_new] = places.try_emplace(name, sections.size());
        if (is_new) sections.push_back({name, {}});
        std::string& lines = sections[place->second].lines;
        lines += key.substr(name.empty() ? 0 : name.size() + 1);
        lines += " = " + format_config_value(option.get()) + "\n";
    }
    std::ranges::stable_partition(sections, [](const Section& section) { return section.name.empty(); });
    std::string text;
    for (const Section& section : sections) {
        if (!section.name.empty()) text += (text.empty() ? "[" : "\n[") + std::string(section.name) + "]\n";
        text += section.lines;
    }
    return text;
}

bool matches_glob(std::string_view text, std::string_view pattern) {
    std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

} // namespace pagewalk
