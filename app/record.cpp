#include "app/record.h"

#include "app/progress.h"
#include "base/error.h"
#include "base/units.h"
#include "workloads/qemu/recorder.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace pagewalk::app {

namespace {
constexpr const char* usage = "pagewalk record -o FILE.pwt -- PROGRAM ARGS...";
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

    Progress progress(0);
    workloads::RecordSummary summary;
    try {
        summary = workloads::record(record, [&](const workloads::RecordSummary& so_far) {
            progress.update(so_far.instructions, Tick());
        });
    } catch (const RunError& error) {
        progress.clear();
        const std::string partial = record.file + ".partial";
        std::error_code failed;
        std::filesystem::rename(record.file, partial, failed);
        throw RunError(error.what() + (failed ? "" : "; what was recorded until then is in " + partial));
    }
    progress.clear();
    std::fprintf(stderr,
                 "%s: %llu instructions of %llu thread(s), %.1f MB; the program ended with status %d\n",
                 record.file.c_str(), static_cast<unsigned long long>(summary.instructions),
                 static_cast<unsigned long long>(summary.threads),
                 static_cast<double>(summary.file_bytes) / 1e6, summary.exit_status);
    return 0;
}

} // namespace pagewalk::app
