// DataSource: what a configuration, a folder or a file names, as readers in the order given.
// Source: data_formats.md 2.1, 6.1, 6.2, 6.3.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "magma/data/data_config.h"
#include "magma/data/reader.h"

namespace magma {

struct DataSourceOptions {
  std::vector<std::string> settings{};  // "data.image_size=256"
  std::string dataset{};                // layout of an RLDS folder that is called otherwise
  std::string split = "train";
  uint64_t seed = 0;
  bool may_be_absent = false;  // entries whose data are not there yet are listed too, not an error
};

// One annotation file or one robot data set. Readers are made when they are first needed.
struct DataEntry {
  std::string path;     // as configured
  std::string reader;   // name of the plug-in
  bool stream = false;  // robot episodes, drawn by weight
  double weight = 1;    // in the mixture, of a stream
  bool absent = false;  // may_be_absent: its data are not there
  ReaderOptions options{};
};

struct DataSource {
  std::string file;
  DataConfig config;
  std::vector<DataEntry> entries;  // a mixture's data sets one after the other, where it stands
};

// `source`: a configuration (.yaml), an RLDS version folder, or a file of items. Error(Usage) names the key.
DataSource read_data_source(const Path& source, const DataSourceOptions& options);

// Every family, "llava" -> the reader of its files, in the order of their tags. Source: data_formats.md 6.2.
struct DataFamily {
  std::string_view tag, reader;
};
std::span<const DataFamily> data_families();

// Family of an annotation path, data_formats.md 6.2; empty: none of them.
std::string tag_of_path(const std::string& path);

// What keeps Readers::make of this entry from being a wrong guess: Error(Usage) for a family without a reader.
std::unique_ptr<Reader> open_reader(const DataEntry& entry);

}  // namespace magma
