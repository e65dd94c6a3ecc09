#include "workloads/trace/open_trace.h"

#include "base/error.h"
#include "base/printable.h"
#include "workloads/trace/champsim_trace.h"
#include "workloads/trace/lackey_trace.h"

#include <cstring>
#include <string_view>

namespace pagewalk::workloads {

namespace {

constexpr std::string_view recording_magic = "PWT";

std::string first_line(std::span<const std::byte> head) {
    const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
    return excerpt(text.substr(0, text.find('\n')));
}

} // namespace

std::unique_ptr<Workload> open_trace(const std::filesystem::path& path, Decompress where,
                                     const TraceConfig& config) {
    InputBytes input = open_bytes(path, where);
    const std::span<const std::byte> head = input.source->head();
    if (head.size() >= recording_magic.size() &&
        std::memcmp(head.data(), recording_magic.data(), recording_magic.size()) == 0)
        throw InputError(input.name +
                         ": is a Pagewalk recording, which is replayed as a program and not read as a "
                         "ChampSim or lackey trace; allowed here: those two");
    if (looks_like_lackey(head)) return make_lackey_workload(std::move(input), config);
    if (looks_like_text(head))
        throw InputError(input.name + ": is text but not lackey output: its first line is \"" +
                         first_line(head) + "\"; " + lackey_allowed);
    return make_champsim_workload(std::move(input), config);
}

} // namespace pagewalk::workloads
