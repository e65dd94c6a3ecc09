#pragma once

#include "app/system_config.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::app {

/// Options that have no effect in every configuration.
struct EffectRule {
    std::string_view options; ///< a glob of keys
    std::string_view wants;   ///< what gives them their effect, in words
    bool (*has_effect)(const SystemConfig& config);
};

/// An option that several rules name has an effect where all of them give it one.
[[nodiscard]] std::span<const EffectRule> effect_rules();

/// The first rule by which this option, at whatever value, has no effect; null: it has one. Contract:
/// `config` has been validated.
[[nodiscard]] const EffectRule* rule_without_effect(const SystemConfig& config, std::string_view key);

/// A line for each rule by which options that were set to another value than their default have no effect in
/// this configuration: "os.swappiness = 10 (run.cfg:7) has no effect: it wants os.swap". Contract: `config`
/// has been validated.
[[nodiscard]] std::vector<std::string> options_without_effect(const SystemConfig& config);

} // namespace pagewalk::app
