// Which integration a key opens. Keys are random; what is kept of one is its BLAKE2b-256 hash.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "model/event.h"
#include "model/rules.h"

namespace tocsin {

// The key in an Authorization header: `Bearer KEY`, or the password (else the name) of `Basic ...`; "" when there is none.
std::string KeyOfAuthorization(std::string_view header);

// An integration that somebody may use now.
struct OpenDoor {
  RulesPtr rules;                            // keeps the integration alive
  const Integration* integration = nullptr;  // nullptr: the default integration, not declared
  IntegrationIndex index = 0;
};

// Any thread. Follows changes of the rules by itself.
class KeyRing {
 public:
  using ReadRules = std::function<RulesPtr()>;
  using FindIndex = std::function<std::optional<IntegrationIndex>(const IntegrationId&)>;

  // Whose door an access token opens; absent for everything that is none.
  using FindToken = std::function<std::optional<IntegrationId>(std::string_view)>;

  KeyRing(ReadRules read_rules, FindIndex find_index, FindToken find_token = nullptr);
  ~KeyRing();
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;

  // False until an organisation is there; a server that has just started reads it a moment after its doors are open. Who
  // finds nothing then must be told to come again, not that the key is wrong: senders drop what gets a 401 or 404.
  bool ready() const;
  // Found by hash, then compared in constant time: how long it takes says nothing about any key.
  std::optional<OpenDoor> Find(std::string_view key) const;
  std::optional<OpenDoor> FindById(const IntegrationId& id) const;
  // The first integration of `source` without a key.
  std::optional<OpenDoor> FindKeyless(std::string_view source) const;

 private:
  struct Table;
  std::shared_ptr<const Table> Current() const;
  std::optional<OpenDoor> Open(RulesPtr rules, const Integration* integration) const;

  ReadRules read_rules_;
  FindIndex find_index_;
  FindToken find_token_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<const Table> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
