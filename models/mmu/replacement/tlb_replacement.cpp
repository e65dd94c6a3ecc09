#include "models/mmu/replacement/tlb_replacement.h"

#include "models/mmu/replacement/chirp.h"
#include "models/mmu/replacement/random.h"
#include "models/mmu/replacement/srrip.h"

namespace pagewalk::models {
namespace {

using Make = std::unique_ptr<TlbReplacement> (*)(TlbShape);

template <class Policy>
std::unique_ptr<TlbReplacement> make(TlbShape shape) {
    return std::make_unique<Policy>(shape);
}

constexpr EnumTable<TlbReplacementKind, Make> policies{{TlbReplacementKind::Lru, nullptr},
                                                       {TlbReplacementKind::Srrip, make<SrripTlb>},
                                                       {TlbReplacementKind::Random, make<RandomTlb>},
                                                       {TlbReplacementKind::Chirp, make<ChirpTlb>}};

} // namespace

std::unique_ptr<TlbReplacement> make_tlb_replacement(TlbReplacementKind kind, TlbShape shape) {
    const Make make = policies[kind];
    return make == nullptr ? nullptr : make(shape);
}

} // namespace pagewalk::models
