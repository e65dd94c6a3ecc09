#include "os/replay/capture_files.h"

#include "base/error.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <utility>

#include <lzma.h>

namespace pagewalk::os {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw InputError(path.string() + ": cannot be opened for reading");
    try {
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    } catch (const std::ios_base::failure& error) {
        throw InputError(path.string() + ": cannot be read: " + error.code().message());
    }
}

std::string decompress_xz(const std::string& path, const std::string& packed) {
    constexpr std::uint64_t memory_limit = 256ULL << 20; // xz -9 needs 65 MiB
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, memory_limit, LZMA_CONCATENATED) != LZMA_OK)
        throw RunError(path + ": cannot set up the xz decoder");
    std::string result;
    std::vector<std::uint8_t> chunk(1 << 20);
    stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream.avail_in = packed.size();
    lzma_ret status = LZMA_OK;
    while (status == LZMA_OK) {
        stream.next_out = chunk.data();
        stream.avail_out = chunk.size();
        status = lzma_code(&stream, LZMA_FINISH);
        result.append(reinterpret_cast<const char*>(chunk.data()), chunk.size() - stream.avail_out);
    }
    lzma_end(&stream);
    if (status != LZMA_STREAM_END) throw InputError(path + ": damaged or not an .xz file");
    return result;
}

constexpr std::size_t tar_block = 512;

std::uint64_t octal_field(std::span<const char> field, const std::string& path) {
    std::uint64_t value = 0;
    for (const char c : field) {
        if (c == '\0' || c == ' ') break;
        if (c < '0' || c > '7') throw InputError(path + ": damaged archive (a size is not octal)");
        value = value * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

std::string text_field(std::span<const char> field) {
    return {field.data(), ::strnlen(field.data(), field.size())};
}

} // namespace

CaptureFiles::CaptureFiles(const std::string& path) : m_path(path) {
    std::error_code error;
    if (fs::is_directory(path, error))
        load_folder();
    else if (fs::is_regular_file(path, error))
        load_archive();
    else
        throw InputError(path + ": is neither a capture's folder nor a .tar.xz of one");
}

void CaptureFiles::load_folder() {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(m_path))
        if (entry.is_regular_file())
            m_files[fs::relative(entry.path(), m_path).generic_string()] = read_file(entry.path());
}

void CaptureFiles::load_archive() {
    const std::string archive = decompress_xz(m_path, read_file(m_path));
    std::size_t at = 0;
    std::string long_name;
    while (at + tar_block <= archive.size()) {
        const std::span<const char> header(archive.data() + at, tar_block);
        if (header[0] == '\0') break;
        if (std::memcmp(header.data() + 257, "ustar", 5) != 0)
            throw InputError(m_path + ": damaged archive or not a ustar archive");
        const std::uint64_t size = octal_field(header.subspan(124, 12), m_path);
        const char kind = header[156];
        at += tar_block;
        if (size > archive.size() - at) throw InputError(m_path + ": truncated archive");
        const std::string_view body(archive.data() + at, size);
        at += (size + tar_block - 1) / tar_block * tar_block;
        if (kind == 'L') {
            long_name = text_field(std::span(body.data(), body.size()));
            continue;
        }
        std::string name = text_field(header.subspan(0, 100));
        if (const std::string prefix = text_field(header.subspan(345, 155));
            !prefix.empty() && header[262] == '\0')
            name = prefix + "/" + name;
        if (!long_name.empty()) name = std::exchange(long_name, {});
        if (kind != '0' && kind != '\0') continue;
        // The archive holds one folder; its name is not part of the capture's names.
        if (name.starts_with("./")) name.erase(0, 2);
        const std::size_t slash = name.find('/');
        if (slash != std::string::npos && !name.starts_with("format/")) name.erase(0, slash + 1);
        m_files[name] = body;
    }
    if (m_files.empty()) throw InputError(m_path + ": the archive holds no files");
}

const std::string& CaptureFiles::read(std::string_view name) const& {
    const auto found = m_files.find(name);
    if (found == m_files.end()) throw InputError(m_path + ": has no file " + std::string(name));
    return found->second;
}

std::vector<std::string> CaptureFiles::names(std::string_view prefix) const {
    std::vector<std::string> result;
    for (auto file = m_files.lower_bound(prefix); file != m_files.end() && file->first.starts_with(prefix);
         ++file)
        result.push_back(file->first);
    return result;
}

} // namespace pagewalk::os
