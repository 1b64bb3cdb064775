// Captures of real programs and payloads of real senders. They are reference data, not part of the project: TOCSIN_FIXTURES names
// their folder, else ../shared/fixtures beside the sources is looked for; tests that need them say so and skip.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

inline std::optional<std::filesystem::path> FixtureFolder() {
  if (const char* named = std::getenv("TOCSIN_FIXTURES"); named != nullptr && *named != '\0') return named;
  for (std::filesystem::path folder = TOCSIN_SOURCE_DIR; folder.has_relative_path(); folder = folder.parent_path()) {
    const std::filesystem::path found = folder.parent_path() / "shared/fixtures";
    if (std::filesystem::exists(found)) return found;
  }
  return std::nullopt;
}

inline std::string ReadFile(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

// A .http capture: comment lines, a request, "# response", a response.
struct Capture {
  std::string name;
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int status = 0;
  std::string answer;
};

inline std::string WithoutLineEnds(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  return std::string(text);
}

// Headers up to the empty line are taken off `text`; the first line is returned.
inline std::string TakeHead(std::string_view& text, std::vector<std::pair<std::string, std::string>>& headers) {
  std::string first;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) break;
    if (first.empty()) {
      first = line;
    } else if (const std::size_t colon = line.find(": "); colon != std::string::npos) {
      headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
  }
  return first;
}

inline std::optional<Capture> ReadCapture(const std::filesystem::path& file) {
  const std::string bytes = ReadFile(file);
  std::string_view text = bytes;
  while (text.starts_with('#'))
    text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  Capture capture{.name = file.stem().string(), .method = {}, .target = {}, .headers = {}, .body = {}, .answer = {}};
  const std::string request_line = TakeHead(text, capture.headers);
  const std::size_t first = request_line.find(' ');
  const std::size_t second = request_line.rfind(' ');
  if (first == std::string::npos || second <= first) return std::nullopt;
  capture.method = request_line.substr(0, first);
  capture.target = request_line.substr(first + 1, second - first - 1);
  const std::size_t mark = text.find("# response");
  if (mark == std::string_view::npos) return std::nullopt;
  capture.body = WithoutLineEnds(text.substr(0, mark));
  text.remove_prefix(std::min(text.find('\n', mark) + 1, text.size()));
  std::vector<std::pair<std::string, std::string>> ignored;
  const std::string status_line = TakeHead(text, ignored);
  capture.status = std::stoi("0" + status_line.substr(std::min(status_line.size(), status_line.find(' ') + 1)));
  capture.answer = WithoutLineEnds(text);
  return capture;
}

inline std::vector<Capture> ReadCaptures(const std::filesystem::path& folder) {
  std::vector<Capture> captures;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".http") continue;
    if (std::optional<Capture> capture = ReadCapture(entry.path())) captures.push_back(*std::move(capture));
  }
  return captures;
}

}  // namespace tocsin
