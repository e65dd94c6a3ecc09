#include "workloads/synthetic/make_synthetic.h"

#include "base/error.h"
#include "base/printable.h"

#include <array>

namespace pagewalk::workloads {

namespace {

struct Generator {
    std::string_view name;
    std::unique_ptr<Workload> (*make)(const SyntheticConfig&);
};

constexpr std::array generators = std::to_array<Generator>({
    {"alloc_churn", [](const SyntheticConfig& c) { return make_alloc_churn(c.common, c.alloc_churn); }},
    {"block_io", [](const SyntheticConfig& c) { return make_block_io(c.common, c.block_io); }},
    {"btree", [](const SyntheticConfig& c) { return make_btree(c.common, c.btree); }},
    {"file_reads", [](const SyntheticConfig& c) { return make_file_reads(c.common, c.file_reads); }},
    {"gups", [](const SyntheticConfig& c) { return make_gups(c.common, c.gups); }},
    {"kernel_objects",
     [](const SyntheticConfig& c) { return make_kernel_objects(c.common, c.kernel_objects); }},
    {"kvstore", [](const SyntheticConfig& c) { return make_kvstore(c.common, c.kvstore); }},
    {"net_receive", [](const SyntheticConfig& c) { return make_net_receive(c.common, c.net_receive); }},
    {"net_send", [](const SyntheticConfig& c) { return make_net_send(c.common, c.net_send); }},
    {"pointer_chase", [](const SyntheticConfig& c) { return make_pointer_chase(c.common, c.pointer_chase); }},
    {"stream", [](const SyntheticConfig& c) { return make_stream(c.common, c.stream); }},
});

} // namespace

std::unique_ptr<Workload> make_synthetic(std::string_view name, const SyntheticConfig& config) {
    std::string names;
    for (const Generator& generator : generators) {
        if (generator.name == name) return generator.make(config);
        names += (names.empty() ? "" : ", ") + std::string(generator.name);
    }
    throw InputError("synthetic workload \"" + excerpt(name) + "\" is unknown; allowed: " + names);
}

std::vector<std::string_view> synthetic_names() {
    std::vector<std::string_view> names;
    for (const Generator& generator : generators) names.push_back(generator.name);
    return names;
}

} // namespace pagewalk::workloads
