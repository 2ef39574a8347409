// Registry: name -> factory for everything one can have many of. A plug-in is one .cpp that registers itself.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace magma {

// Stem of a source path: ".../trackers/classical.cpp" -> "classical".
std::string plugin_name(std::string_view source_file);
// Error(Usage) "unknown KIND", with the nearest known name as hint.
[[noreturn]] void throw_unknown_plugin(std::string_view kind, std::string_view name,
                                       const std::vector<std::string>& known);

// The interface declares `static constexpr const char* kKind` ("tracker") and a plug-in `kSummary`, one sentence.
template <typename Interface, typename... Arguments>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<Interface>(Arguments...)>;
  struct Entry {
    Factory make;
    std::string summary;
  };

  template <typename Type>
  static bool add(std::string_view source_file) {
    entries()[plugin_name(source_file)] = {
        [](Arguments... arguments) -> std::unique_ptr<Interface> { return std::make_unique<Type>(arguments...); },
        Type::kSummary};
    return true;
  }

  static std::unique_ptr<Interface> make(const std::string& name, Arguments... arguments) {
    const auto found = entries().find(name);
    if (found == entries().end()) throw_unknown_plugin(Interface::kKind, name, names());
    return found->second.make(arguments...);
  }

  static std::vector<std::string> names() {
    std::vector<std::string> result;
    for (const auto& [name, entry] : entries()) result.push_back(name);
    return result;
  }

  static std::map<std::string, Entry>& entries() {
    static std::map<std::string, Entry> all;
    return all;
  }
};

}  // namespace magma

#define MAGMA_REGISTER(registry, Type) [[maybe_unused]] const bool registered_##Type = registry::add<Type>(__FILE__)
