#include "workloads/synthetic/kvstore.h"

#include "workloads/synthetic/layout.h"
#include "workloads/synthetic/permutation.h"
#include "workloads/synthetic/synthetic_workload.h"
#include "workloads/synthetic/zipf.h"

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t header_bytes = 64;
constexpr unsigned longest_chain = 4;
constexpr unsigned vector_log2 = 5;

struct Table {
    VirtAddr buckets{}, entries{}, buffers{};
    std::uint64_t entry_bytes = 0;
    std::uint64_t buffer_bytes = 0;  ///< of one thread, page-rounded
    Permutation bucket_of, entry_of; ///< of a key's rank
    Zipf popularity;
};

/// Entries looked at before the right one is found: fixed for a key, each longer chain a quarter as likely.
unsigned chain_length(std::uint64_t key) {
    const std::uint64_t hash = key * 0x9e3779b97f4a7c15ULL;
    unsigned length = 1;
    while (length < longest_chain && (hash >> (64 - 2 * length) & 3) == 0) ++length;
    return length;
}

Program serve(ThreadContext context, const Table& table, KvstoreConfig config) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, key = 11, hash = 12, entry = 13, found = 14, offset = 15, end = 16,
                        next = 17, buckets = 18, buffer = 19, kind = 20, x = 30, y = 31;

    StaticBlock& head = code.block();
    code.compare({random});
    code.branch();
    const StaticBlock& look = code.block();
    code.alu(random, {random});
    code.alu(random, {random});
    code.multiply(key, {random});
    code.multiply(hash, {key});
    code.alu(hash, {hash});
    code.load(next, {buckets, hash});
    constexpr unsigned bucket_instruction = 5;
    const StaticBlock& walk = code.block();
    code.alu(entry, {next});
    code.load(found, {entry});
    code.load(next, {entry});
    code.compare({found, key});
    code.branch(walk.pc);
    StaticBlock& choose = code.block();
    code.alu(offset, {});
    code.compare({kind});
    code.branch();
    const auto copy_loop = [&](Code::Reg from, Code::Reg to) -> const StaticBlock& {
        const StaticBlock& loop = code.block();
        code.vector_load(x, {from, offset});
        code.vector_load(y, {from, offset});
        code.vector_store(x, {to, offset});
        code.vector_store(y, {to, offset});
        code.alu(offset, {offset});
        code.compare({offset, end});
        code.branch(loop.pc);
        return loop;
    };
    const StaticBlock& copy_out = copy_loop(entry, buffer);
    const StaticBlock& replied = code.block();
    code.jump(head.pc);
    choose.target = code.here();
    const StaticBlock& copy_in = copy_loop(buffer, entry);
    const StaticBlock& stored = code.block();
    code.jump(head.pc);
    head.target = code.here();

    const VirtAddr own_buffer = table.buffers + table.buffer_bytes * context.thread;
    for (std::uint64_t request = 0; request < config.requests && !emit.done(); ++request) {
        emit.execute(head);
        const std::uint64_t rank = table.popularity.draw(context.rng);
        emit.load(table.buckets + table.bucket_of(rank) * 8, bucket_instruction);
        emit.execute(look);
        for (unsigned left = chain_length(rank); left-- != 0;) {
            const std::uint64_t other = (rank + left * 7919) % config.entries;
            const VirtAddr at = table.entries + table.entry_of(other) * table.entry_bytes;
            emit.load(at, 1);
            emit.load(at + 8, 2);
            emit.execute(walk);
        }
        emit.execute(choose);
        const bool put = context.rng.below(100) < config.put_percent;
        const VirtAddr value = table.entries + table.entry_of(rank) * table.entry_bytes + header_bytes;
        const VirtAddr from = put ? own_buffer : value, to = put ? value : own_buffer;
        for (std::uint64_t at = 0; at < config.value_bytes; at += line_size) {
            emit.load(from + at, 0, vector_log2);
            emit.load(from + at + 32, 1, vector_log2);
            emit.store(to + at, 2, vector_log2);
            emit.store(to + at + 32, 3, vector_log2);
            emit.execute(put ? copy_in : copy_out);
            if (emit.full()) co_yield Pause::BatchFull;
        }
        emit.execute(put ? stored : replied);
    }
    emit.execute(head);
}

} // namespace

std::unique_ptr<Workload> make_kvstore(const CommonConfig& common, const KvstoreConfig& config) {
    validate(common);
    require_range("synthetic.kvstore.entries", config.entries, 1, 1ULL << 36);
    require_range("synthetic.kvstore.value", config.value_bytes, line_size, 1 << 16);
    require_range("synthetic.kvstore.value (a multiple of 64; remainder)", config.value_bytes % line_size, 0,
                  0);
    require_range("synthetic.kvstore.put", config.put_percent, 0, 100);
    require_range("synthetic.kvstore.zipf", config.zipf_percent, 0, 400);
    require_range("synthetic.kvstore.requests", config.requests, 1, 1ULL << 40);
    Rng rng(common.seed, "workload.kvstore");
    const std::uint64_t entry_bytes = header_bytes + config.value_bytes;
    const std::uint64_t buffer_bytes = layout::page_round(config.value_bytes);
    Recipe recipe;
    recipe.description = "kvstore: " + std::to_string(config.entries) + " entries of " +
                         std::to_string(config.value_bytes) + " bytes";
    recipe.areas = lay_out({config.entries * 8, config.entries * entry_bytes, buffer_bytes * common.threads});
    auto table = std::make_shared<const Table>(
        Table{recipe.areas[0].start, recipe.areas[1].start, recipe.areas[2].start, entry_bytes, buffer_bytes,
              Permutation(config.entries, rng), Permutation(config.entries, rng),
              Zipf(config.entries, config.zipf_percent)});
    recipe.work = [table, config](ThreadContext context) { return serve(context, *table, config); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
