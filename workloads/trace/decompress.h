#pragma once

#include "workloads/trace/byte_source.h"
#include "workloads/trace/input_file.h"

#include <memory>

/// Byte sources over one file each. All keep ByteSource's contract: what precedes the damage is delivered
/// first.
namespace pagewalk::workloads {

[[nodiscard]] std::unique_ptr<ByteSource> make_plain_source(std::unique_ptr<InputFile> file);
/// Concatenated .xz streams and stream padding are allowed.
[[nodiscard]] std::unique_ptr<ByteSource> make_xz_source(std::unique_ptr<InputFile> file);
/// Several members are allowed, and zero bytes after the last.
[[nodiscard]] std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<InputFile> file);
/// Several frames are allowed, skippable ones included.
[[nodiscard]] std::unique_ptr<ByteSource> make_zstd_source(std::unique_ptr<InputFile> file);

} // namespace pagewalk::workloads
