#include "os/replay/placement_ops.h"

#include "os/replay/text_fields.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace pagewalk::os {
namespace {

struct KindName {
    std::string_view word;
    PlacementOp::Kind kind;
};
constexpr std::array kinds = std::to_array<KindName>({
    {"a", PlacementOp::Kind::Allocate},
    {"b", PlacementOp::Kind::AllocateBulk},
    {"fail", PlacementOp::Kind::Fail},
    {"c", PlacementOp::Kind::FreeToList},
    {"B", PlacementOp::Kind::FreeToBuddy},
    {"d", PlacementOp::Kind::Drain},
    {"D", PlacementOp::Kind::DrainAll},
    {"isolate", PlacementOp::Kind::Isolate},
    {"putback", PlacementOp::Kind::PutBack},
});

PlacementOp::Owner owner_of(const TextFields& fields) {
    if (fields[1] == "o") return PlacementOp::Owner::Program;
    if (fields[1] == "k") return PlacementOp::Owner::Kernel;
    if (fields[1] == "x") return PlacementOp::Owner::Foreign;
    fields.fail("class", "is none of o, k, x, -");
}

Migratetype type_of(const TextFields& fields, std::size_t i) {
    const auto type = fields.number<unsigned>(i, "migratetype");
    if (type > static_cast<unsigned>(Migratetype::Isolate)) fields.fail("migratetype", "is too large");
    return static_cast<Migratetype>(type);
}

std::string rest_from(const TextFields& fields, std::size_t i) {
    return i < fields.size() ? std::string(fields[i]) : std::string();
}

PlacementOp parse_op(const TextFields& fields, PlacementOp::Kind kind, std::size_t line) {
    using Kind = PlacementOp::Kind;
    PlacementOp op{.owner = owner_of(fields), .kind = kind, .task = std::string(fields[0]), .line = line};
    switch (kind) {
    case Kind::Allocate:
    case Kind::Fail:
        op.order = fields.number<unsigned>(3, "order");
        op.type = type_of(fields, 4);
        op.gfp = fields.hex<std::uint32_t>(5, "gfp");
        if (kind == Kind::Fail) break;
        op.frame = Pfn(fields.hex(6, "frame"));
        op.what = rest_from(fields, 7);
        break;
    case Kind::AllocateBulk:
        op.frame = Pfn(fields.hex(3, "frame"));
        op.what = rest_from(fields, 4);
        break;
    case Kind::FreeToList:
    case Kind::PutBack:
        op.order = fields.number<unsigned>(3, "order");
        op.type = type_of(fields, 4);
        op.frame = Pfn(fields.hex(5, "frame"));
        op.what = rest_from(fields, 6);
        break;
    case Kind::FreeToBuddy:
    case Kind::Isolate:
        op.order = fields.number<unsigned>(3, "order");
        op.frame = Pfn(fields.hex(4, "frame"));
        op.what = rest_from(fields, 5);
        break;
    case Kind::Drain:
    case Kind::DrainAll:
        op.node = fields.number<unsigned>(3, "node");
        op.zone = fields.number<unsigned>(4, "zone");
        break;
    }
    return op;
}

} // namespace

std::string PlacementOp::text() const {
    const auto* const name = std::ranges::find(kinds, kind, &KindName::kind);
    std::array<char, 128> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%s order %u type %u gfp %x frame %llx",
                  std::string(name->word).c_str(), order, static_cast<unsigned>(type), gfp,
                  static_cast<unsigned long long>(frame.value()));
    return std::string(buffer.data()) + " " + what + " (line " + std::to_string(line) + " of ops)";
}

PlacementTrace parse_ops(std::string_view text, const std::string& name) {
    PlacementTrace trace;
    for_each_line(text, [&](std::string_view line, std::size_t number) {
        if (line.empty() || line[0] == '=') return;
        const TextFields fields(line, name, number);
        if (fields.size() < 3) fields.fail("operation", "lacks fields");
        if (fields[2] == "l") trace.onto_lru.emplace_back(fields.hex(3, "frame"));
        if (fields[1] == "-") return;
        const auto* const kind = std::ranges::find(kinds, fields[2], &KindName::word);
        if (kind == kinds.end()) return;
        trace.ops.push_back(parse_op(fields, kind->kind, number));
    });
    return trace;
}

} // namespace pagewalk::os
