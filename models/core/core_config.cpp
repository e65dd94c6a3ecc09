#include "models/core/core_config.h"

#include "base/printable.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pagewalk::models {
namespace {

constexpr const char* golden_cove =
    "Intel Golden Cove: Intel optimization manual (2023), 2.1; chipsandcheese.com, 2021-12-02";
constexpr EnumNames<UopClass> class_names{
    {UopClass::Nop, "nop"},        {UopClass::IntAlu, "int_alu"}, {UopClass::IntMul, "int_mul"},
    {UopClass::IntDiv, "int_div"}, {UopClass::FpAdd, "fp_add"},   {UopClass::FpMul, "fp_mul"},
    {UopClass::FpDiv, "fp_div"},   {UopClass::VecAlu, "vec_alu"}, {UopClass::Branch, "branch"},
    {UopClass::Load, "load"},      {UopClass::Store, "store"},    {UopClass::Serialize, "serialize"},
};

std::string class_name(std::size_t index) { return std::string(class_names[static_cast<UopClass>(index)]); }

std::optional<std::uint16_t> parse_ports(std::string_view text) {
    std::uint16_t mask = 0;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        unsigned port = 16;
        const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), port);
        if (error != std::errc() || end != item.data() + item.size() || port > 15) return std::nullopt;
        mask = static_cast<std::uint16_t>(mask | 1U << port);
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    return mask;
}

} // namespace

void CoreConfig::declare(OptionGroup group) {
    group.number("frequency", frequency, {1'000'000, 100'000'000'000},
                 {Unit::Hertz, "clock of the cores", "assumed"});
    group.number("fetch_width", fetch_width, {1, 64},
                 {Unit::Count, "instructions fetched per cycle", golden_cove});
    group.number("dispatch_width", dispatch_width, {1, 64},
                 {Unit::Count, "micro-ops renamed and dispatched per cycle", golden_cove});
    group.number("commit_width", commit_width, {1, 64},
                 {Unit::Count, "micro-ops committed per cycle", golden_cove});
    group.number("rob_entries", rob_entries, {8, 8192}, {Unit::Count, "reorder buffer entries", golden_cove});
    group.number("scheduler_entries", scheduler_entries, {1, 8192},
                 {Unit::Count, "micro-ops that may wait for issue", golden_cove});
    group.number("load_queue_entries", load_queue_entries, {1, 8192},
                 {Unit::Count, "load queue entries", golden_cove});
    group.number("store_queue_entries", store_queue_entries, {1, 8192},
                 {Unit::Count, "store queue entries", golden_cove});
    group.number("integer_registers", integer_registers, {0, 8192},
                 {Unit::Count, "physical registers for integer results and flags, 80 or more (0: no limit)",
                  golden_cove});
    group.number("vector_registers", vector_registers, {0, 8192},
                 {Unit::Count,
                  "physical registers for vector results, 80 or more (0: they are in the integer file, and "
                  "flags there "
                  "in an entry of "
                  "their own)",
                  golden_cove});
    group.choice("branch_order", branch_order,
                 {{BranchOrder::AnyOrder, "any_order"}, {BranchOrder::InOrder, "in_order"}},
                 {Unit::None,
                  "in_order: a branch executes after those before it, as if it read what they write",
                  "Intel optimization manual (2023), 2.1: branches execute out of order"});
    group.number(
        "fetch_buffer", fetch_buffer, {1, 4096},
        {Unit::Count, "micro-ops that fetch may be ahead of dispatch", "Golden Cove micro-op queue: 144"});
    group.number("front_end_depth", front_end_depth, {0, 100},
                 {Unit::Cycles, "cycles from fetch to dispatch", "assumed"});
    group.number(
        "mispredict_penalty", mispredict_penalty, {0, 1000},
        {Unit::Cycles,
         "cycles from a resolved misprediction to the fetch of the right path, beyond front_end_depth",
         "Golden Cove: 17 in all, Intel optimization manual 2.1"});
    group.number(
        "decode_redirect_penalty", decode_redirect_penalty, {0, 1000},
        {Unit::Cycles, "cycles from the fetch of a branch to that of a target found at decode", "assumed"});
    group.flag(
        "perfect_branches", perfect_branches,
        {Unit::None, "every branch is predicted right (what if there were no mispredictions)", "user"});
    group.number(
        "exception_penalty", exception_penalty, {0, 10000},
        {Unit::Cycles, "cycles to enter or leave the kernel (pipeline drain, microcode)", "assumed"});
    group.number(
        "forward_latency", forward_latency, {0, 100},
        {Unit::Cycles, "cycles from a store's data to a younger load of the same address", "uops.info: 5"});
    group.number("kernel_mispredict_interval", kernel_mispredict_interval, {0, 1'000'000},
                 {Unit::Instructions, "kernel instructions between branch mispredictions (0: none)",
                  "assumed: 5 per 1000 instructions"});
    OptionGroup port_group = group.group("ports");
    for (std::size_t i = 1; i < uop_class_count; ++i)
        port_group.text(class_name(i), ports[i],
                        {Unit::None, "issue ports of " + class_name(i) + " micro-ops, comma-separated 0..15",
                         golden_cove});
    branch_predictor.declare(group.group("branch_predictor"));
}

void CoreConfig::validate(const OptionSet& options) const {
    branch_predictor.validate(options);
    // Each register that a program has keeps an entry: what is left for results must be some.
    constexpr std::uint32_t fewest_registers = 80;
    for (const auto& [name, entries] :
         {std::pair{"integer_registers", integer_registers}, std::pair{"vector_registers", vector_registers}})
        if (entries != 0 && entries < fewest_registers) {
            const std::string key = std::string("core.") + name;
            throw ConfigError(options.where(key), key, std::to_string(entries),
                              "wants 0 or at least " + std::to_string(fewest_registers));
        }
    for (std::size_t i = 1; i < uop_class_count; ++i)
        if (const auto mask = parse_ports(ports[i]); !mask || *mask == 0) {
            const std::string key = "core.ports." + class_name(i);
            throw ConfigError(options.where(key), key, "'" + excerpt(ports[i]) + "'",
                              "wants port numbers 0 to 15, comma-separated, such as 0,1,5");
        }
}

std::array<std::uint16_t, uop_class_count> CoreConfig::port_masks() const {
    std::array<std::uint16_t, uop_class_count> masks{};
    for (std::size_t i = 0; i < uop_class_count; ++i) masks[i] = parse_ports(ports[i]).value_or(0);
    return masks;
}

} // namespace pagewalk::models
