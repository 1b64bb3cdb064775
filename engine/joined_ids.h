// The rows about a subject as a turn sees them: those that the state has, then those that the turn has made, and neither is copied.
//
// Ids only grow, so all of them are in order. Whatever is made on the way through may be seen or not: whoever makes more of them there
// goes through a Copy.
#pragma once

#include <cstddef>
#include <iterator>
#include <set>
#include <vector>

namespace tocsin {

template <typename Id>
class JoinedIds {
  using Set = std::set<Id>;

 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = Id;

    Iterator() = default;
    Iterator(const Set& kept, const Set& made) : at_(kept.begin()), end_(kept.end()), next_(&made) { Pass(); }
    const Id& operator*() const { return *at_; }
    Iterator& operator++() {
      ++at_;
      Pass();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t /*end*/) { return it.at_ == it.end_; }

   private:
    void Pass() {
      if (at_ != end_ || next_ == nullptr) return;
      at_ = next_->begin();
      end_ = next_->end();
      next_ = nullptr;
    }
    typename Set::const_iterator at_;
    typename Set::const_iterator end_;
    const Set* next_ = nullptr;
  };

  // null: none.
  JoinedIds(const Set* kept, const Set* made) : kept_(kept ? kept : &kNone), made_(made ? made : &kNone) {}

  Iterator begin() const { return {*kept_, *made_}; }
  std::default_sentinel_t end() const { return {}; }
  std::vector<Id> Copy() const {
    std::vector<Id> ids;
    ids.reserve(kept_->size() + made_->size());
    ids.insert(ids.end(), kept_->begin(), kept_->end());
    ids.insert(ids.end(), made_->begin(), made_->end());
    return ids;
  }

 private:
  inline static const Set kNone;
  const Set* kept_;
  const Set* made_;
};

}  // namespace tocsin
