// The format in which orders travel between our own processes (launcher, keeper, a run's first process): fields in the order of a
// Visit function, no names, no versions, since all come from one build. Reading is total: any bytes give a value or a failure,
// never a crash.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fumehood::wire {

class Writer {
 public:
  static constexpr bool kReads = false;
  template <typename T>
  Writer& operator()(const T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      Put(value);
    }
    return *this;
  }
  std::string Take() { return std::move(out_); }

 private:
  void Put(const std::string& text) {
    (*this)(static_cast<uint64_t>(text.size()));
    out_ += text;
  }
  template <typename T>
  void Put(const std::vector<T>& list) {
    (*this)(static_cast<uint64_t>(list.size()));
    for (const T& item : list) (*this)(item);
  }
  template <typename K, typename V>
  void Put(const std::map<K, V>& map) {
    (*this)(static_cast<uint64_t>(map.size()));
    for (const auto& [key, value] : map) (*this)(key)(value);
  }
  template <typename T>
  void Put(const T& structure) {
    Visit(*this, const_cast<T&>(structure));
  }
  std::string out_;
};

class Reader {
 public:
  static constexpr bool kReads = true;
  explicit Reader(std::string_view in) : in_(in) {}

  template <typename T>
  Reader& operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      if (Has(sizeof value)) {
        std::memcpy(&value, in_.data(), sizeof value);
        in_.remove_prefix(sizeof value);
      }
    } else {
      Get(value);
    }
    return *this;
  }
  bool whole() const { return good_ && in_.empty(); }

 private:
  bool Has(uint64_t size) {
    good_ = good_ && size <= in_.size();
    return good_;
  }
  void Get(std::string& text) {
    uint64_t size = 0;
    (*this)(size);
    if (!Has(size)) return;
    text.assign(in_.substr(0, size));
    in_.remove_prefix(size);
  }
  // Each element takes a byte at least, so a false count cannot make us allocate more than the message's own size.
  template <typename T>
  void Get(std::vector<T>& list) {
    uint64_t size = 0;
    (*this)(size);
    for (uint64_t i = 0; Has(size - i) && i < size; ++i) (*this)(list.emplace_back());
  }
  template <typename K, typename V>
  void Get(std::map<K, V>& map) {
    uint64_t size = 0;
    (*this)(size);
    for (uint64_t i = 0; Has(size - i) && i < size; ++i) {
      K key;
      V value;
      (*this)(key)(value);
      map.emplace(std::move(key), std::move(value));
    }
  }
  template <typename T>
  void Get(T& structure) {
    Visit(*this, structure);
  }
  std::string_view in_;
  bool good_ = true;
};

}  // namespace fumehood::wire
