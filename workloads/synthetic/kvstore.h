#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

/// A hash table that serves gets and puts of skewed keys.
struct KvstoreConfig {
    std::uint64_t entries = 1'000'000;   ///< 1 .. 2^36
    std::uint64_t value_bytes = 1024;    ///< a multiple of 64, up to 64 KiB; YCSB's 1 KB records
    std::uint32_t put_percent = 5;       ///< YCSB workload B
    std::uint32_t zipf_percent = 99;     ///< exponent of key popularity in hundredths, 0 .. 400; YCSB's 0.99
    std::uint64_t requests = 10'000'000; ///< for each thread at the natural end
};

/// A request hashes its key, loads the bucket, walks a chain (one entry in three requests of four, up to
/// four), and copies the value, 64 bytes an iteration, to a reply buffer or from a request buffer. Popular
/// keys lie scattered. Footprint: entries * (value + 64-byte header + 8-byte bucket). Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_kvstore(const CommonConfig& common, const KvstoreConfig& config);

} // namespace pagewalk::workloads
