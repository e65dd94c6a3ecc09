#include "workloads/synthetic/synthetic_workload.h"

#include "base/error.h"
#include "workloads/synthetic/layout.h"

#include <algorithm>

namespace pagewalk::workloads {

namespace {

using linux_abi::sys_clone;

constexpr std::int64_t first_thread_id = 1000;
/// pthread's default: 8 MiB.
constexpr std::uint64_t thread_stack_bytes = 8ULL << 20;
constexpr VirtAddr thread_stacks{0x7f0000000000};

VirtAddr thread_stack(std::uint32_t thread) {
    return thread_stacks + thread * layout::huge_page_round(thread_stack_bytes);
}

/// Stores over [start, start + bytes), upwards.
Program touch(Emitter& emit, std::vector<Area> areas, FirstTouch how) {
    constexpr Code::Reg pointer = 10, end = 11, value = 30;
    constexpr unsigned vector_log2 = 5, word_log2 = 3;
    Code& code = emit.code();
    const bool lines = how == FirstTouch::Lines;
    const StaticBlock& body = code.block();
    if (lines) {
        code.vector_store(value, {pointer});
        code.vector_store(value, {pointer});
    } else {
        code.store(value, {pointer});
    }
    code.alu(pointer, {pointer});
    code.compare({pointer, end});
    code.branch(body.pc);
    const std::uint64_t step = lines ? line_size : page_size;
    for (const Area& area : areas)
        for (std::uint64_t at = 0; at < area.bytes && !emit.done(); at += step) {
            const VirtAddr address = area.start + at;
            emit.store(address, 0, lines ? vector_log2 : word_log2);
            if (lines) emit.store(address + 32, 1, vector_log2);
            emit.execute(body);
            if (emit.full()) co_yield Pause::BatchFull;
        }
}

class SyntheticStream final : public InstructionStream {
public:
    SyntheticStream(const CommonConfig& config, const Recipe& recipe, std::uint32_t thread);

    [[nodiscard]] StreamBatch fetch() override {
        m_emit.clear();
        // A program may end with a partly filled batch, or pause with an empty one.
        while (m_program.resume()) {
            if (m_program.pause() == Pause::SystemCall)
                return {m_emit.blocks(), StreamStatus::SystemCall, &m_emit.syscall()};
            if (!m_emit.blocks().empty()) return {m_emit.blocks(), StreamStatus::More, nullptr};
        }
        return {m_emit.blocks(), m_emit.blocks().empty() ? StreamStatus::End : StreamStatus::More, nullptr};
    }

private:
    Program run(const CommonConfig& config, const Recipe& recipe, std::uint32_t thread);
    static std::uint64_t share(const CommonConfig& config, std::uint32_t thread) {
        if (config.instructions == 0) return 0;
        const std::uint64_t even = config.instructions / config.threads;
        return std::max<std::uint64_t>(1, even + (thread < config.instructions % config.threads ? 1 : 0));
    }

    Rng m_rng;
    Emitter m_emit;
    Program m_program;
};

SyntheticStream::SyntheticStream(const CommonConfig& config, const Recipe& recipe, std::uint32_t thread)
    : m_rng(config.seed, "workload.thread" + std::to_string(thread)),
      m_emit(share(config, thread), layout::text), m_program(run(config, recipe, thread)) {}

Program SyntheticStream::run(const CommonConfig& config, const Recipe& recipe, std::uint32_t thread) {
    if (thread == 0) {
        for (const Area& area : recipe.areas) {
            m_emit.map(m_emit.syscall_site(), area.start, area.bytes,
                       config.hugetlb ? linux_abi::map_hugetlb : 0);
            co_yield Pause::SystemCall;
            if (config.huge_pages) {
                m_emit.system_call(linux_abi::sys_madvise,
                                   {area.start.value(), area.bytes, linux_abi::madv_hugepage, 0, 0, 0}, 0);
                co_yield Pause::SystemCall;
            }
        }
        if (config.first_touch != FirstTouch::Off && !m_emit.done()) {
            Program touching = touch(m_emit, recipe.areas, config.first_touch);
            while (touching.resume()) co_yield touching.pause();
        }
        if (recipe.prepare) {
            Program preparing = recipe.prepare({m_emit, m_rng, thread, config.threads});
            while (preparing.resume()) co_yield preparing.pause();
        }
        for (std::uint32_t child = 1; child < config.threads; ++child) {
            const VirtAddr stack = thread_stack(child);
            m_emit.map(m_emit.syscall_site(), stack, thread_stack_bytes);
            co_yield Pause::SystemCall;
            m_emit.system_call(sys_clone,
                               {linux_abi::clone_thread, (stack + thread_stack_bytes).value(), 0, 0, 0, 0},
                               first_thread_id + child);
            co_yield Pause::SystemCall;
        }
        const StaticBlock& to_work = m_emit.code().block();
        m_emit.code().jump(layout::work_text);
        m_emit.execute(to_work);
    }
    m_emit.code().move_to(layout::work_text);
    if (!m_emit.done()) {
        Program work = recipe.work({m_emit, m_rng, thread, config.threads});
        while (work.resume()) co_yield work.pause();
    }
    // With several threads the process ends with its last.
    m_emit.system_call(config.threads == 1 ? linux_abi::sys_exit_group : linux_abi::sys_exit, {}, 0);
    co_yield Pause::SystemCall;
}

class SyntheticWorkload final : public Workload {
public:
    SyntheticWorkload(const CommonConfig& config, Recipe recipe)
        : m_config(config), m_recipe(std::move(recipe)) {
        for (std::uint32_t thread = 0; thread < config.threads; ++thread)
            m_streams.push_back(std::make_unique<SyntheticStream>(m_config, m_recipe, thread));
    }

    [[nodiscard]] std::string description() const override { return m_recipe.description; }
    [[nodiscard]] std::uint64_t expected_instructions() const override { return m_config.instructions; }
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override {
        return layout::initial_mappings();
    }
    [[nodiscard]] InstructionStream& thread(ThreadIndex index) override {
        return *m_streams.at(static_cast<std::size_t>(index));
    }
    [[nodiscard]] InstructionStream* child(ThreadIndex parent, std::int64_t child) override {
        return is_child(parent, child) ? &thread(index_of_child(parent, child)) : nullptr;
    }
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex parent, std::int64_t child) override {
        return is_child(parent, child) ? static_cast<ThreadIndex>(child - first_thread_id) : ThreadIndex{0};
    }

private:
    [[nodiscard]] bool is_child(ThreadIndex parent, std::int64_t child) const {
        return parent == ThreadIndex{0} && child > first_thread_id &&
               child < first_thread_id + m_config.threads;
    }

    CommonConfig m_config;
    Recipe m_recipe;
    std::vector<std::unique_ptr<SyntheticStream>> m_streams;
};

} // namespace

std::unique_ptr<Workload> make_synthetic_workload(const CommonConfig& config, Recipe recipe) {
    validate(config);
    return std::make_unique<SyntheticWorkload>(config, std::move(recipe));
}

std::vector<Area> lay_out(const std::vector<std::uint64_t>& bytes) {
    std::vector<Area> areas;
    VirtAddr next = layout::mmap_base;
    for (const std::uint64_t size : bytes) {
        areas.push_back({next, layout::page_round(size)});
        next += layout::huge_page_round(size) + layout::huge_page_bytes;
    }
    return areas;
}

} // namespace pagewalk::workloads
