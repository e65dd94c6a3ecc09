#include "tests/fuzz/fuzz_input.h"
#include "workloads/qemu/pwt_reader.h"

#include <algorithm>

/// Any bytes as a recording: each thread's stream ends or says what is wrong.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pagewalk;
    using namespace pagewalk::workloads;
    const fuzz::InputFile file(data, size);
    fuzz::read_or_refuse([&] {
        PwtReader reader(file.path(), ThreadOrder::Ignored);
        const std::size_t threads = std::min<std::size_t>(reader.thread_count(), 64);
        for (std::size_t i = 0; i < threads; ++i) {
            const auto thread = static_cast<ThreadIndex>(i);
            (void)reader.image(thread);
            InstructionStream& stream = reader.thread(thread);
            constexpr int most_batches = 2000;
            for (int batches = 0; batches < most_batches; ++batches)
                if (stream.fetch().status == StreamStatus::End) break;
        }
        (void)reader.processes();
    });
    return 0;
}
