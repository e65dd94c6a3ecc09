#include "app/system_config.h"
#include "base/config_file.h"
#include "tests/fuzz/fuzz_input.h"

/// SystemC's library calls it; there is nothing to simulate.
extern "C" int sc_main(int, char**) { return 0; }

/// Any text as a config file. What is accepted loads back, from the text that a run keeps of it, to the same
/// configuration.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pagewalk;
    fuzz::read_or_refuse([&] {
        app::SystemConfig config;
        for (const ConfigEntry& entry : parse_config("input", fuzz::text_of(data, size)))
            config.options.set(entry.key, entry.value, "input:" + std::to_string(entry.line));
        config.validate();
        const std::string kept = config.options.resolved();
        app::SystemConfig again;
        for (const ConfigEntry& entry : parse_config("kept", kept))
            again.options.set(entry.key, entry.value, "kept:" + std::to_string(entry.line));
        if (again.options.resolved() != kept) std::abort();
    });
    return 0;
}
