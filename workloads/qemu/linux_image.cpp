#include "workloads/qemu/linux_image.h"

#include <algorithm>
#include <utility>

namespace pagewalk::workloads {

namespace {

constexpr VirtAddr stack_top{0x7ffffffff000};
constexpr std::uint64_t stack_room = 128 << 10; // setup_arg_pages: stack_expand
constexpr VirtAddr mmap_base{0x7ffff7fff000};
constexpr VirtAddr pie_base{0x555555554000};
constexpr std::uint64_t vvar_bytes = 4 * page_size, vdso_bytes = 2 * page_size;
/// Below it the emulator puts nothing of its own choice. Source: QEMU 7.2, TASK_UNMAPPED_BASE
constexpr VirtAddr emulators_choice{0x4000000000};

class Placement {
public:
    explicit Placement(const std::vector<InitialMapping>& loaded) : m_loaded(loaded) {}

    LinuxImage take() {
        const auto stack = std::ranges::find_if(m_loaded, &InitialMapping::grows_down);
        const std::size_t before = static_cast<std::size_t>(stack - m_loaded.begin());
        // The emulator loads the program, makes the stack and loads the loader, each above what was there.
        for (std::size_t i = 0; i < before; ++i) add_program(i, before);
        VirtAddr top = mmap_base;
        if (before < m_loaded.size()) {
            add_stack(*stack);
            top = add_loader(before + 1);
        }
        add_kernels(top);
        std::ranges::sort(m_image.mappings, {}, &InitialMapping::start);
        return std::move(m_image);
    }

private:
    /// The program's own mappings, its break among them, move together.
    void add_program(std::size_t index, std::size_t end) {
        const InitialMapping& mapping = m_loaded[index];
        if (mapping.start < emulators_choice) return add(mapping, mapping.start);
        if (m_program == no_place) {
            m_program = mapping.start;
            // The emulator keeps room for the break up to the stack's guard.
            const VirtAddr limit = end < m_loaded.size() ? m_loaded[end].start : m_loaded[end - 1].end;
            m_image.shifts.place(mapping.start, limit - mapping.start - page_size, pie_base);
        }
        add(mapping, pie_base + (mapping.start - m_program));
    }

    void add_stack(const InitialMapping& stack) {
        const VirtAddr start = stack_top - (stack.end - stack.start);
        m_image.shifts.place(stack.start, stack.end - stack.start, start);
        add(stack, start);
        InitialMapping& placed = m_image.mappings.back();
        placed.start = placed.written_from.page() - stack_room;
    }

    /// What follows the stack. Returns where it begins.
    VirtAddr add_loader(std::size_t first) {
        if (first == m_loaded.size()) return mmap_base;
        const VirtAddr begin = m_loaded[first].start;
        const std::uint64_t bytes = m_loaded.back().end - begin;
        const VirtAddr place = mmap_base - bytes;
        m_image.shifts.place(begin, bytes, place);
        for (std::size_t i = first; i < m_loaded.size(); ++i)
            add(m_loaded[i], place + (m_loaded[i].start - begin));
        return place;
    }

    void add_kernels(VirtAddr top) {
        const VirtAddr vdso = top - vdso_bytes;
        add({.start = vdso - vvar_bytes, .end = vdso, .of_kernel = true}, vdso - vvar_bytes);
        add({.start = vdso, .end = top, .executable = true, .of_kernel = true}, vdso);
    }

    void add(const InitialMapping& mapping, VirtAddr start) {
        InitialMapping placed = mapping;
        const std::uint64_t shift = start.value() - mapping.start.value();
        const auto move = [shift](VirtAddr& at) { at = VirtAddr(at.value() + shift); };
        move(placed.start);
        move(placed.end);
        move(placed.written_from);
        move(placed.written_to);
        m_image.mappings.push_back(std::move(placed));
    }

    static constexpr VirtAddr no_place{~0ULL};
    const std::vector<InitialMapping>& m_loaded;
    LinuxImage m_image;
    VirtAddr m_program = no_place;
};

} // namespace

LinuxImage place_as_linux(const std::vector<InitialMapping>& loaded) { return Placement(loaded).take(); }

} // namespace pagewalk::workloads
