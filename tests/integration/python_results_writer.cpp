#include "tests/unit/results/sample_run.h"

#include <cstdio>
#include <cstdlib>

/// Writes the sample run to the file given, with the number of events given.
int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s FILE.h5 EVENTS\n", argv[0]);
        return 2;
    }
    pagewalk::results::SampleRun().write(argv[1], std::strtoull(argv[2], nullptr, 10));
    return 0;
}
