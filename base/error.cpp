#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace pagewalk {

void broken_invariant(const char* what, const char* file, int line) {
    std::fprintf(stderr, "pagewalk: broken invariant: %s (%s:%d)\n", what, file, line);
    std::abort();
}

} // namespace pagewalk
