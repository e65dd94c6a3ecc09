#include "workloads/qemu/segment.h"

#include "base/error.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pagewalk::workloads {

namespace {

[[noreturn]] void throw_system(const std::string& what) {
    const int error = errno;
    std::string why = std::strerror(error);
    if (error == EFBIG) why += ": the shell's limit on the size of files (ulimit -f) holds for it too";
    throw RunError("shared memory with QEMU: " + what + ": " + why);
}

} // namespace

RingMapping::RingMapping(std::byte* ring, std::size_t bytes) : m_bytes(bytes) {
    void* place = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) throw_system("mmap of a ring");
    m_words = static_cast<std::uint64_t*>(place);
    for (std::size_t half = 0; half < 2; ++half) {
        void* target = static_cast<std::byte*>(place) + half * bytes;
        if (mremap(ring, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) {
            const int error = errno;
            munmap(place, 2 * bytes);
            errno = error;
            throw_system("mremap of a ring");
        }
    }
}

RingMapping::~RingMapping() {
    if (m_words != nullptr) munmap(m_words, 2 * m_bytes);
}

RingMapping::RingMapping(RingMapping&& other) noexcept
    : m_words(std::exchange(other.m_words, nullptr)), m_bytes(other.m_bytes) {}

RingMapping& RingMapping::operator=(RingMapping&& other) noexcept {
    std::swap(m_words, other.m_words);
    std::swap(m_bytes, other.m_bytes);
    return *this;
}

void RingMapping::freeze(std::span<const std::uint64_t> held) {
    if (held.empty()) return;
    const auto first = reinterpret_cast<std::uintptr_t>(held.data()) & ~4095UL;
    const auto last = (reinterpret_cast<std::uintptr_t>(held.data() + held.size()) + 4095) & ~4095UL;
    void* const pages = reinterpret_cast<void*>(first);
    const std::vector<std::byte> copy(static_cast<std::byte*>(pages),
                                      static_cast<std::byte*>(pages) + (last - first));
    if (mmap(pages, copy.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED) {
        throw_system("mmap over a ring");
    }
    std::memcpy(pages, copy.data(), copy.size());
}

Segment::Segment(std::uint64_t ring_bytes) {
    if (!std::has_single_bit(ring_bytes) || ring_bytes < min_ring_bytes || ring_bytes > (1ULL << 30)) {
        throw InputError("ring size " + std::to_string(ring_bytes) + " bytes: must be a power of two from " +
                         std::to_string(min_ring_bytes) + " bytes to 1 GiB");
    }
    m_fd = memfd_create("pagewalk", MFD_CLOEXEC);
    if (m_fd < 0) throw_system("memfd_create");
    m_size = ring_offset + max_rings * ring_bytes;
    void* base = MAP_FAILED;
    if (ftruncate(m_fd, static_cast<off_t>(m_size)) == 0) {
        base = mmap(nullptr, m_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m_fd, 0);
    }
    if (base == MAP_FAILED) {
        const int error = errno;
        close(m_fd);
        errno = error;
        throw_system("reserving " + std::to_string(m_size >> 20) + " MiB of address space");
    }
    m_base = static_cast<std::byte*>(base);
    m_view = SegmentView(base);
    m_view.header().magic = segment_magic;
    m_view.header().ring_bytes = ring_bytes;
    m_view.header().consumer_pid = getpid();
}

Segment::~Segment() {
    munmap(m_base, m_size);
    close(m_fd);
}

std::uint64_t Segment::offset_of(std::uint32_t ring) const {
    return ring_offset + ring * m_view.header().ring_bytes;
}

RingMapping Segment::map_ring(std::uint32_t ring) const {
    return RingMapping(m_base + offset_of(ring), m_view.header().ring_bytes);
}

void Segment::free_ring(std::uint32_t ring) const {
    fallocate(m_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset_of(ring)),
              static_cast<off_t>(m_view.header().ring_bytes));
    RingControl& control = m_view.control(ring);
    control.pid.store(0);
    control.published.store(0);
    control.consumed.store(0);
    control.producer_waiting.store(0);
    control.consumer_waiting.store(0);
    control.state.store(RingState::Free);
}

} // namespace pagewalk::workloads
