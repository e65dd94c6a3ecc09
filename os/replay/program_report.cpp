#include "os/replay/program_report.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace pagewalk::os {
namespace {

constexpr std::array tallies{&ProgramReport::pages,  &ProgramReport::tables, &ProgramReport::lists,
                             &ProgramReport::areas,  &ProgramReport::sizes,  &ProgramReport::counters,
                             &ProgramReport::faults, &ProgramReport::cached, &ProgramReport::requests};

/// A field of its own whatever the area: "P0 Rss of 00400000-..." is "P0 Rss".
std::string_view kind_of(std::string_view field) { return field.substr(0, field.find(" of ")); }

std::string line_of(const ProgramReport::Field& field) {
    const Difference& first = field.first;
    std::string text =
        "  " + first.marker + ": " + first.field + ": real " + first.real + ", ours " + first.ours;
    if (field.more != 0) text += " (and " + std::to_string(field.more) + " more)";
    return text + '\n';
}

} // namespace

std::string Tally::text() const { return std::to_string(same) + " of " + std::to_string(total); }

void ProgramReport::differ(Difference difference) {
    const auto known = std::ranges::find(differences, kind_of(difference.field),
                                         [](const Field& field) { return kind_of(field.first.field); });
    if (known == differences.end())
        differences.push_back({std::move(difference), 0});
    else
        ++known->more;
}

bool ProgramReport::exact() const {
    return not_compared.empty() && differences.empty() &&
           std::ranges::all_of(tallies, [this](auto tally) { return (this->*tally).exact(); });
}

void ProgramReport::add(const ProgramReport& other) {
    for (const auto tally : tallies) (this->*tally).add(other.*tally);
    markers += other.markers;
}

std::string ProgramReport::details(bool first_only) const {
    std::string text;
    for (const Field& field : differences) {
        text += line_of(field);
        if (first_only) break;
    }
    return text;
}

std::string ProgramReport::line() const {
    if (!not_compared.empty()) return name + ": not compared: " + not_compared;
    return name + ": " + std::to_string(markers) + " markers, " + (exact() ? "exact: " : "differs: ") +
           totals();
}

std::string ProgramReport::totals() const {
    std::string text;
    const auto part = [&](const char* before, const Tally& tally, const char* separator) {
        if (tally.total != 0) text += (text.empty() ? "" : separator) + std::string(before) + tally.text();
    };
    part("placed ", pages, "");
    if (pages.total != 0) text += " pages, " + tables.text() + " tables";
    part("lists ", lists, "; ");
    part("areas ", areas, "; ");
    part("sizes ", sizes, "; ");
    part("exact counters ", counters, "; ");
    part("faults ", faults, "; ");
    part("page cache changes ", cached, "; ");
    part("disk reads ", requests, "; ");
    return text;
}

std::string ProgramReport::encode() const {
    std::string text = name + '\n' + not_compared + '\n' + std::to_string(markers) + '\n';
    for (const auto tally : tallies)
        text += std::to_string((this->*tally).same) + '\n' + std::to_string((this->*tally).total) + '\n';
    for (const Field& field : differences)
        text += field.first.marker + '\n' + field.first.field + '\n' + field.first.real + '\n' +
                field.first.ours + '\n' + std::to_string(field.more) + '\n';
    return text;
}

ProgramReport ProgramReport::decode(const std::string& text) {
    ProgramReport report;
    std::istringstream in(text);
    const auto line = [&in] {
        std::string next;
        std::getline(in, next);
        return next;
    };
    const auto number = [&line] {
        const std::string next = line();
        return next.empty() ? 0 : std::stoull(next);
    };
    report.name = line();
    report.not_compared = line();
    report.markers = number();
    for (const auto tally : tallies) {
        (report.*tally).same = number();
        (report.*tally).total = number();
    }
    while (in.peek() != std::istringstream::traits_type::eof()) {
        Field& field = report.differences.emplace_back();
        field.first = {line(), line(), line(), line()};
        field.more = number();
    }
    return report;
}

} // namespace pagewalk::os
