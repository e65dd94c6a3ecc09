#include "workloads/synthetic/block_io.h"

#include "base/error.h"
#include "contract/block_request.h"
#include "contract/driver_calls.h"
#include "workloads/synthetic/synthetic_workload.h"

#include <string>

namespace pagewalk::workloads {

namespace {

/// Where a thread's next call goes.
class Places {
public:
    Places(const BlockIoConfig& config, const ThreadContext& context)
        : m_pattern(config.pattern), m_step(std::uint64_t{config.block_bytes} * config.batch),
          m_rng(context.rng) {
        m_count = config.span / m_step;
        if (m_pattern != IoPattern::Sequential) return;
        m_count /= context.threads;
        m_first = m_count * context.thread;
    }
    /// The first sector.
    [[nodiscard]] std::uint64_t next() {
        const std::uint64_t place =
            m_pattern == IoPattern::Random ? m_rng.below(m_count) : m_next++ % m_count;
        return (m_first + place) * m_step / sector_size;
    }

private:
    IoPattern m_pattern;
    std::uint64_t m_step;
    Rng& m_rng;
    std::uint64_t m_count = 0;
    std::uint64_t m_first = 0;
    std::uint64_t m_next = 0;
};

Program submit_io(ThreadContext context, BlockIoConfig config) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, sector = 11, counter = 13;

    // head: count; fill the request in; submit, jump head
    StaticBlock& head = code.block();
    code.alu(counter, {counter});
    code.compare({counter});
    code.branch();
    const StaticBlock& fill = code.block();
    code.alu(random, {random});
    code.multiply(sector, {random});
    const StaticBlock& site = emit.syscall_site();
    const StaticBlock& submitted = code.block();
    code.jump(head.pc);
    head.target = code.here();

    Places places(config, context);
    for (std::uint64_t done = 0; done < config.operations && !emit.done(); done += config.batch) {
        emit.execute(head);
        emit.execute(fill);
        const bool reads = context.rng.below(100) < config.read_percent;
        emit.system_call(
            site, static_cast<std::uint32_t>(IoCall::Submit),
            {reads ? 0U : 1U, places.next(), config.block_bytes, config.batch, config.queue_depth, 0}, 0);
        co_yield Pause::SystemCall;
        emit.execute(submitted);
    }
    emit.execute(head);
    emit.system_call(static_cast<std::uint32_t>(IoCall::Drain), {}, 0);
    co_yield Pause::SystemCall;
}

} // namespace

std::unique_ptr<Workload> make_block_io(const CommonConfig& common, const BlockIoConfig& config) {
    validate(common);
    require_range("synthetic.block_io.block_size", config.block_bytes, page_size, 1U << 20);
    require_range("synthetic.block_io.block_size (a multiple of 4096; remainder)",
                  config.block_bytes % page_size, 0, 0);
    require_range("synthetic.block_io.read", config.read_percent, 0, 100);
    require_range("synthetic.block_io.queue_depth", config.queue_depth, 1, 4096);
    require_range("synthetic.block_io.batch", config.batch, 1, config.queue_depth);
    require_range("synthetic.block_io.span", config.span,
                  std::uint64_t{config.block_bytes} * config.batch * common.threads, 1ULL << 50);
    require_range("synthetic.block_io.operations", config.operations, 1, 1ULL << 40);
    Recipe recipe;
    recipe.description = "block_io: requests of " + std::to_string(config.block_bytes) + " bytes, " +
                         std::to_string(config.queue_depth) + " under way";
    recipe.work = [config](ThreadContext context) { return submit_io(context, config); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
