#include "os/replay/page_snapshot.h"
#include "os/replay/slab_image.h"
#include "os/replay/step_capture.h"
#include "os/replay/sys_kernel_slab.h"
#include "os/replay/workload_log.h"
#include "tests/fuzz/fuzz_input.h"

/// Any text as one of a capture's; the first byte chooses which.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pagewalk;
    using namespace pagewalk::os;
    if (size == 0) return 0;
    const std::string_view text = fuzz::text_of(data + 1, size - 1);
    fuzz::read_or_refuse([&] {
        switch (data[0] % 6) {
        case 0:
            (void)PageSnapshot::parse(text, "snap");
            break;
        case 1:
            (void)SlabImage::parse(text, "slabs");
            break;
        case 2:
            (void)WorkloadLog::parse(text, "log");
            break;
        case 3:
            (void)parse_sys_kernel_slab(text, "sys_kernel_slab");
            break;
        case 4:
            (void)parse_steps(std::string(text), "steps");
            break;
        default:
            (void)parse_areas(text, "smaps");
        }
    });
    return 0;
}
