#include "contract/page_tables/page_table_format.h"

#include "contract/page_tables/cuckoo.h"
#include "contract/page_tables/flattened.h"
#include "contract/page_tables/hashed.h"

namespace pagewalk {
namespace {

using Make = std::unique_ptr<PageTableFormat> (*)();

template <class Format>
std::unique_ptr<PageTableFormat> make() {
    return std::make_unique<Format>();
}

constexpr EnumTable<PageTableKind, Make> formats{{PageTableKind::Radix, nullptr},
                                                 {PageTableKind::Flattened, make<FlattenedTable>},
                                                 {PageTableKind::Hashed, make<HashedTable>},
                                                 {PageTableKind::Cuckoo, make<CuckooTable>}};

} // namespace

std::unique_ptr<PageTableFormat> make_page_table(PageTableKind kind) {
    const Make make = formats[kind];
    return make == nullptr ? nullptr : make();
}

} // namespace pagewalk
