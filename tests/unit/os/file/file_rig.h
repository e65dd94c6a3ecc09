#pragma once

#include "os/block/block_layer.h"
#include "os/file/file_system.h"
#include "os/path/kernel_objects.h"
#include "os/task/page_locks.h"
#include "os/task/untimed.h"
#include "tests/unit/os/task/task_rig.h"

#include <deque>
#include <span>
#include <utility>
#include <vector>

namespace pagewalk::os::test {

/// A disk that completes a request when a test says so.
struct ManualDisk final : BlockDevice {
    std::vector<BlockRequest> submitted;
    std::deque<std::uint64_t> complete; ///< tags

    [[nodiscard]] std::uint32_t interrupt_source() const override { return 0; }
    void submit(const BlockRequest& request, Tick) override { submitted.push_back(request); }
    std::size_t take_completions(CpuId, Tick, std::span<BlockCompletion> done) override {
        std::size_t taken = 0;
        for (; taken < done.size() && !complete.empty(); complete.pop_front())
            done[taken++].tag = complete.front();
        return taken;
    }
};

/// Reclaim that frees nothing until a test gives it frames: whoever allocates meanwhile waits.
struct WaitingReclaimer final : Reclaimer {
    FrameAllocator& frames;
    WaitQueue waiters;

    WaitingReclaimer(FrameAllocator& of, TaskRunner& runner) : frames(of), waiters(runner) {}
    std::uint64_t direct_reclaim(const ReclaimRequest&) override {
        Operation& op = frames.slow_path_operation();
        if (!op.may_wait()) return 0;
        waiters.wait(op);
        return 1;
    }
};

/// Tasks that use files: an object allocator, page locks and a file system on a disk that a test drives.
struct FileRig : TaskRig {
    KernelObjects objects{frames, {}, InitOnAlloc::Off, 1};
    PageLocks locks{frames, runner};
    InterruptLines lines;
    BlockLayer block{locks, counters};
    ManualDisk disk;
    WaitingReclaimer reclaimer{frames, runner};
    Workingset workingset{frames, counters};
    FileSystem files;
    std::vector<Pfn> taken; ///< by use_up_memory()

    explicit FileRig(
        FileCache cache, FileSystem::AddToLru add_to_lru = [](Operation&, Pfn) {},
        const std::vector<std::uint64_t>& node_bytes = {64ULL << 20})
        : TaskRig(2, node_bytes),
          files({frames, objects, counters, block, locks, workingset}, cache, std::move(add_to_lru)) {
        block.connect(disk, lines);
        allocator->set_reclaimer(&reclaimer);
    }
    ~FileRig() { unwind(); }

    /// Does `job(op)` at once, in no time.
    template <class Job>
    decltype(auto) at_once(Job job) {
        UntimedOperation untimed(runner, {cpu0, now});
        return job(*untimed);
    }
    /// The disk has done request `number` of those submitted: its interrupt is handled.
    void complete(std::size_t number) {
        disk.complete.push_back(disk.submitted.at(number).tag);
        KernelPath path;
        PathLog log;
        Operation op{.path = {path, costs, KernelTiming::On}, .log = log, .cpu = cpu0, .now = now};
        lines.deliver(op, disk.interrupt_source());
        for (const KernelStep& step : path.steps())
            if (step.kind == StepKind::Effect) {
                const Effect effect = log.effects[step.count];
                effect.take_place({cpu0, now});
            }
    }
    /// Takes every free frame, so that the next allocation waits in reclaim.
    void use_up_memory() { use_up(gfp::highuser_movable.without(gfp::reclaim)); }
    /// And those that the watermarks keep for who cannot wait.
    void use_up_reserves() { use_up(gfp::highuser_movable.without(gfp::reclaim) | gfp::memalloc); }
    void use_up(GfpMask mask) {
        const AllocRequest request{.mask = mask};
        for (auto frame = allocator->allocate(request); frame; frame = allocator->allocate(request))
            taken.push_back(*frame);
    }
    /// Frees `frames` of those and lets all who wait for memory go on.
    void give_back_memory(std::size_t frames_back) {
        for (; frames_back != 0 && !taken.empty(); --frames_back, taken.pop_back())
            (void)allocator->free(taken.back(), 0, cpu0);
        reclaimer.waiters.wake_all({cpu0, now});
    }
};

/// A file that is not in the page cache, and who reads it.
struct ColdFile {
    FileRig rig{FileCache::Cold};
    InodeId file = rig.at_once([&](Operation& op) { return rig.files.open(op, "/data"); });
    int read = 0; ///< readers that have their page

    auto reader(std::uint64_t index) {
        return [this, index](Operation& op) {
            const FileSystem::Page page = rig.files.get_page(op, file, index);
            if (!rig.files.ready(page)) rig.files.wait_for(op, page);
            ++read;
        };
    }
};

} // namespace pagewalk::os::test
