#pragma once

#include "base/enum_table.h"
#include "base/event_table.h"

#include <string>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// The column that holds `field` of a record.
template <class Record, class Field>
EventColumn event_column(std::string name, Field Record::*field, std::string unit, std::string description,
                         std::vector<std::string> value_names = {}) {
    const Record record{};
    const auto offset =
        reinterpret_cast<const std::byte*>(&(record.*field)) - reinterpret_cast<const std::byte*>(&record);
    return {std::move(name), column_type_of<Field>(), static_cast<std::size_t>(offset),
            std::move(unit), std::move(description),  std::move(value_names)};
}

template <class Enum>
std::vector<std::string> value_names(const EnumNames<Enum>& from) {
    return {from.begin(), from.end()};
}

} // namespace pagewalk::os
