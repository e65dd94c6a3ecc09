#include "app/replay.h"

#include "base/error.h"
#include "os/replay/capture_files.h"
#include "os/replay/object_replay.h"
#include "os/replay/page_replay.h"

#include <iostream>

namespace pagewalk::app {

namespace {
constexpr const char* usage = "pagewalk replay CAPTURE [--first-difference]";
/// Captures of object allocators hold their caches in the snapshot.
bool has_objects(const std::string& capture) {
    const os::CaptureFiles files(capture);
    return files.read("snapA").find("\nKC ") != std::string::npos;
}

} // namespace

int run_replay(std::span<const std::string> arguments) {
    std::string capture;
    bool first_difference = false;
    for (const std::string& argument : arguments) {
        if (argument == "--first-difference") {
            first_difference = true;
        } else if (argument.starts_with("-") || !capture.empty()) {
            throw InputError("replay: '" + argument + "' is not understood\nusage: " + usage);
        } else {
            capture = argument;
        }
    }
    if (capture.empty()) throw InputError(std::string("replay: no capture given\nusage: ") + usage);

    bool exact = true;
    if (has_objects(capture)) {
        const os::ObjectReplayReport objects =
            os::replay_objects(capture, {.prepare = {}, .first_difference = first_difference});
        if (objects.kmalloc_objects != 0) {
            std::cout << objects.text() << "\n";
            exact = objects.exact();
        }
    }
    const os::ReplayReport pages = os::replay_capture(capture, {.first_difference = first_difference});
    std::cout << pages.text() << std::flush;
    return exact && pages.exact() ? 0 : 1;
}

} // namespace pagewalk::app
