#include "app/record.h"

#include "app/progress.h"
#include "app/run_outcome.h"
#include "app/simulation.h"
#include "base/error.h"
#include "base/units.h"
#include "workloads/qemu/recorder.h"

#include <algorithm>
#include <cstdio>

namespace pagewalk::app {

namespace {
constexpr const char* usage = "pagewalk record -o FILE.pwt -- PROGRAM ARGS...";

std::string end_text(const workloads::RecordSummary& summary) {
    if (!summary.missing.empty()) return "incomplete: " + summary.missing;
    if (summary.end.kind == ProcessEnd::Kind::Killed)
        return "the program died of " + signal_name(summary.end.value);
    return "the program ended with status " + std::to_string(summary.end.value);
}

} // namespace

int run_record(std::span<const std::string> words) {
    const auto dashes = std::ranges::find(words, "--");
    const std::vector<std::string> options(words.begin(), dashes);
    workloads::RecordOptions record;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if ((options[i] == "-o" || options[i] == "--output") && i + 1 < options.size()) {
            record.file = options[++i];
        } else {
            throw InputError("record: '" + options[i] + "' is not understood\nusage: " + usage);
        }
    }
    if (dashes == words.end() || dashes + 1 == words.end())
        throw InputError(std::string("record: no program given\nusage: ") + usage);
    if (record.file.empty()) throw InputError(std::string("record: no file given\nusage: ") + usage);
    record.live.argv.assign(dashes + 1, words.end());

    catch_interrupts();
    Progress progress(0);
    workloads::RecordSummary summary;
    try {
        summary = workloads::record(record, {.progress =
                                                 [&](const workloads::RecordSummary& so_far) {
                                                     progress.update(so_far.instructions, Tick());
                                                 },
                                             .stop = interrupt_requested});
    } catch (const RunError&) {
        progress.clear();
        throw;
    }
    progress.clear();
    std::fprintf(stderr, "%s: %llu instructions of %llu thread(s), %.1f MB; %s\n", summary.file.c_str(),
                 static_cast<unsigned long long>(summary.instructions),
                 static_cast<unsigned long long>(summary.threads),
                 static_cast<double>(summary.file_bytes) / 1e6, end_text(summary).c_str());
    return summary.missing.empty() && summary.end.kind == ProcessEnd::Kind::Exited ? 0 : 1;
}

} // namespace pagewalk::app
