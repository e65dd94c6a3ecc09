#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>

namespace pagewalk::workloads {

enum class ReadPattern : std::uint8_t {
    Scan,  ///< from the file's start to its end, again and again
    Zipf,  ///< blocks by popularity
    Mixed, ///< blocks by popularity, now and then interrupted by a scan
};

/// Reads of a file through the page cache, as a file server makes them: pread of a block at a time.
struct FileReadsConfig {
    ReadPattern pattern = ReadPattern::Zipf;
    std::uint64_t file_bytes = 256ULL << 20;
    std::uint32_t block_bytes = 16384;
    std::uint32_t zipf_percent = 90;    ///< the exponent in hundredths
    std::uint32_t scan_every = 2000;    ///< mixed: other reads between two scans
    std::uint32_t scan_blocks = 2000;   ///< mixed: of one scan, which goes on where the last has ended
    std::uint64_t operations = 100'000; ///< reads of each thread at the natural end
};

/// Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_file_reads(const CommonConfig& common,
                                                        const FileReadsConfig& config);

} // namespace pagewalk::workloads
