#pragma once

#include "base/scratch_folder.h"
#include "contract/instruction_stream.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pagewalk::workloads {

inline std::string program(const std::string& name) {
    return std::string(PAGEWALK_PROGRAMS) + "/program_" + name;
}

/// A file of this test program, gone when it ends.
inline std::string scratch_file(const std::string& name) {
    static const ScratchFolder folder;
    return folder / name;
}

/// All that a test may ask of one thread's stream.
struct CollectedStream {
    std::uint64_t instructions = 0; ///< iterations of one rep string instruction count once
    std::uint64_t blocks = 0;
    std::uint64_t digest = 14695981039346656037ULL; ///< FNV-1a over blocks, references and system calls
    std::vector<SyscallRecord> calls;
    std::vector<MemoryReference> references; ///< of the first 100000
    bool ended = false;
    const StaticBlock* last_block = nullptr;
    std::uint32_t last_instruction_count = 0;

    void mix(std::uint64_t value) { digest = (digest ^ value) * 1099511628211ULL; }
    void add(const StreamBatch& batch);
};

/// Reads all streams of a workload in turn, children included, until all have ended.
class StreamCollector {
public:
    explicit StreamCollector(Workload& workload) : m_workload(workload) { m_open.push_back(ThreadIndex{0}); }

    void read_to_the_end();
    [[nodiscard]] const std::map<ThreadIndex, CollectedStream>& streams() const { return m_streams; }
    [[nodiscard]] const CollectedStream& first() const { return m_streams.at(ThreadIndex{0}); }
    [[nodiscard]] std::uint64_t instructions() const;
    /// All order numbers, sorted.
    [[nodiscard]] std::vector<std::uint64_t> orders() const;

private:
    struct Awaited {
        ThreadIndex parent;
        std::int64_t child;
    };

    Workload& m_workload;
    std::vector<ThreadIndex> m_open;
    std::vector<Awaited> m_awaited;
    std::map<ThreadIndex, CollectedStream> m_streams;
};

} // namespace pagewalk::workloads
