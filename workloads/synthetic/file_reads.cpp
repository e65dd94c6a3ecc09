#include "workloads/synthetic/file_reads.h"

#include "base/error.h"
#include "workloads/synthetic/layout.h"
#include "workloads/synthetic/permutation.h"
#include "workloads/synthetic/synthetic_workload.h"
#include "workloads/synthetic/zipf.h"

#include <string>

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t descriptor = 3; // the first that a program opens

struct File {
    FileReadsConfig config;
    std::uint64_t blocks = 0;
    Permutation block_of; ///< of a popularity rank
    Zipf popularity;
    VirtAddr buffers{};
    std::uint64_t buffer_bytes = 0; ///< of one thread
};

/// Which block a thread reads next.
class Blocks {
public:
    Blocks(const File& file, const ThreadContext& context)
        : m_file(file), m_rng(context.rng), m_scan(file.blocks / context.threads * context.thread) {}
    [[nodiscard]] std::uint64_t next() {
        if (scans()) return m_scan++ % m_file.blocks;
        return m_file.block_of(m_file.popularity.draw(m_rng));
    }

private:
    [[nodiscard]] bool scans() {
        if (m_file.config.pattern != ReadPattern::Mixed) return m_file.config.pattern == ReadPattern::Scan;
        const std::uint64_t period = std::uint64_t{m_file.config.scan_every} + m_file.config.scan_blocks;
        return m_done++ % period >= m_file.config.scan_every;
    }

    const File& m_file;
    Rng& m_rng;
    std::uint64_t m_scan; ///< the next block of a scan
    std::uint64_t m_done = 0;
};

Program read_file(ThreadContext context, const File& file) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, block = 11, sum = 12, value = 13, counter = 14;

    // head: count; choose a block, pread, look at what came, jump head
    StaticBlock& head = code.block();
    code.alu(counter, {counter});
    code.compare({counter});
    code.branch();
    const StaticBlock& choose = code.block();
    code.alu(random, {random});
    code.multiply(block, {random});
    const StaticBlock& site = emit.syscall_site();
    const StaticBlock& look = code.block();
    code.load(value, {block});
    code.alu(sum, {sum, value});
    code.jump(head.pc);
    head.target = code.here();

    const FileReadsConfig& config = file.config;
    const VirtAddr buffer = file.buffers + file.buffer_bytes * context.thread;
    Blocks blocks(file, context);
    for (std::uint64_t done = 0; done < config.operations && !emit.done(); ++done) {
        emit.execute(head);
        emit.execute(choose);
        emit.system_call(
            site, linux_abi::sys_pread64,
            {descriptor, buffer.value(), config.block_bytes, blocks.next() * config.block_bytes, 0, 0},
            config.block_bytes);
        co_yield Pause::SystemCall;
        emit.load(buffer, 0);
        emit.execute(look);
        if (emit.full()) co_yield Pause::BatchFull;
    }
    emit.execute(head);
}

Program open_file(ThreadContext context) {
    context.emit.open("/data", descriptor);
    co_yield Pause::SystemCall;
}

} // namespace

std::unique_ptr<Workload> make_file_reads(const CommonConfig& common, const FileReadsConfig& config) {
    validate(common);
    require_range("synthetic.file_reads.block", config.block_bytes, 512, 1U << 20);
    require_range("synthetic.file_reads.file", config.file_bytes, config.block_bytes, 1ULL << 44);
    require_range("synthetic.file_reads.zipf", config.zipf_percent, 0, 400);
    require_range("synthetic.file_reads.scan_every", config.scan_every, 1, 1U << 30);
    require_range("synthetic.file_reads.scan_blocks", config.scan_blocks, 1, 1U << 30);
    require_range("synthetic.file_reads.operations", config.operations, 1, 1ULL << 40);
    const std::uint64_t blocks = config.file_bytes / config.block_bytes;
    const std::uint64_t buffer_bytes = layout::page_round(config.block_bytes);
    Rng rng(common.seed, "workload.file_reads");
    Recipe recipe;
    recipe.description =
        "file_reads: blocks of " + std::to_string(config.block_bytes) + " bytes of " + std::to_string(blocks);
    recipe.areas = lay_out({buffer_bytes * common.threads});
    auto file = std::make_shared<const File>(File{config, blocks, Permutation(blocks, rng),
                                                  Zipf(blocks, config.zipf_percent), recipe.areas[0].start,
                                                  buffer_bytes});
    recipe.prepare = open_file;
    recipe.work = [file](ThreadContext context) { return read_file(context, *file); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
