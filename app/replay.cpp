#include "app/replay.h"

#include "base/error.h"
#include "os/replay/page_replay.h"

#include <iostream>

namespace pagewalk::app {

namespace {
constexpr const char* usage = "pagewalk replay CAPTURE [--first-difference]";
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

    const os::ReplayReport pages = os::replay_capture(capture, {.first_difference = first_difference});
    std::cout << pages.text() << std::flush;
    return pages.exact() ? 0 : 1;
}

} // namespace pagewalk::app
