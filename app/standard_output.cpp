#include "app/standard_output.h"

#include "base/error.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

namespace pagewalk::app {

void flush_standard_output() {
    errno = 0;
    std::cout.flush();
    if (std::cout.good() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
    const std::string why = errno == 0 ? "" : ": " + std::string(std::strerror(errno));
    throw RunError("cannot write to standard output" + why);
}

} // namespace pagewalk::app
