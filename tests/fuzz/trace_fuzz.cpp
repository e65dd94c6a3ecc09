#include "tests/fuzz/fuzz_input.h"
#include "workloads/trace/open_trace.h"

/// Any bytes as a trace: ChampSim records, lackey's text, either compressed. The stream ends or says why not,
/// within as many instructions as the bytes can hold.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pagewalk;
    using namespace pagewalk::workloads;
    const fuzz::InputFile file(data, size);
    fuzz::read_or_refuse([&] {
        const auto workload = open_trace(file.path(), Decompress::InPlace);
        InstructionStream& stream = workload->thread(ThreadIndex{0});
        constexpr int most_batches = 2000;
        for (int i = 0; i < most_batches; ++i) {
            const StreamBatch batch = stream.fetch();
            for (const BlockExecution& execution : batch.blocks)
                if (execution.instruction_count > execution.block->instruction_count) std::abort();
            if (batch.status == StreamStatus::End) break;
        }
    });
    return 0;
}
