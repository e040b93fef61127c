// The wire format of TVM's runtime, little-endian: numbers and enums as they lie in memory, DLDataType as four
// bytes, DLDevice as two int32, and every container as a uint64 count followed by its elements (a map's element is
// its key, then its value). A struct with Save and Load members writes itself.
#ifndef BOCAL_TVM_SUPPORT_SERIALIZER_H_
#define BOCAL_TVM_SUPPORT_SERIALIZER_H_

#include <dlpack/dlpack.h>
#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/endian.h>
#include <tvm/ffi/string.h>
#include <tvm/support/io.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tvm {
namespace support {

// Anything without a specialisation below writes itself.
template <typename T, typename>
struct Serializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const T& value) { value.Save(stream); }
  static bool Read(Stream* stream, T* value) { return value->Load(stream); }
};

template <typename T>
struct RawSerializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const T& value) {
    stream->Write(static_cast<const void*>(&value), sizeof(T));
  }
  static bool Read(Stream* stream, T* value) {
    return stream->Read(static_cast<void*>(value), sizeof(T)) == sizeof(T);
  }
};

template <typename T>
struct Serializer<T, std::enable_if_t<std::is_arithmetic_v<T> || std::is_enum_v<T>>> : RawSerializer<T> {};
template <>
struct Serializer<DLDataType> : RawSerializer<DLDataType> {};
template <>
struct Serializer<DLDevice> : RawSerializer<DLDevice> {};

inline void WriteCount(Stream* stream, size_t count) { stream->Write<uint64_t>(count); }

inline bool ReadCount(Stream* stream, size_t* count) {
  uint64_t wide = 0;
  if (!stream->Read(&wide)) return false;
  *count = static_cast<size_t>(wide);
  return true;
}

template <>
struct Serializer<std::string> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::string& value) {
    WriteCount(stream, value.size());
    stream->Write(static_cast<const void*>(value.data()), value.size());
  }
  static bool Read(Stream* stream, std::string* value) {
    size_t size = 0;
    if (!ReadCount(stream, &size)) return false;
    value->resize(size);
    return stream->Read(static_cast<void*>(value->data()), size) == size;
  }
};

template <>
struct Serializer<ffi::String> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const ffi::String& value) {
    Serializer<std::string>::Write(stream, std::string(value));
  }
  static bool Read(Stream* stream, ffi::String* value) {
    std::string text;
    if (!Serializer<std::string>::Read(stream, &text)) return false;
    *value = ffi::String(std::move(text));
    return true;
  }
};

template <typename List, typename T>
struct ListSerializer {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const List& list) {
    WriteCount(stream, list.size());
    for (const T& item : list) Serializer<T>::Write(stream, item);
  }
  static bool Read(Stream* stream, List* list) {
    size_t count = 0;
    if (!ReadCount(stream, &count)) return false;
    *list = List();
    for (size_t i = 0; i < count; ++i) {
      T item{};
      if (!Serializer<T>::Read(stream, &item)) return false;
      list->push_back(std::move(item));
    }
    return true;
  }
};

template <typename T>
struct Serializer<std::vector<T>> : ListSerializer<std::vector<T>, T> {};
template <typename T>
struct Serializer<ffi::Array<T>> : ListSerializer<ffi::Array<T>, T> {};

template <typename K, typename V>
struct Serializer<std::unordered_map<K, V>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const std::unordered_map<K, V>& map) {
    WriteCount(stream, map.size());
    for (const auto& item : map) {
      Serializer<K>::Write(stream, item.first);
      Serializer<V>::Write(stream, item.second);
    }
  }
  static bool Read(Stream* stream, std::unordered_map<K, V>* map) {
    size_t count = 0;
    if (!ReadCount(stream, &count)) return false;
    map->clear();
    for (size_t i = 0; i < count; ++i) {
      K key{};
      V value{};
      if (!Serializer<K>::Read(stream, &key) || !Serializer<V>::Read(stream, &value)) return false;
      map->emplace(std::move(key), std::move(value));
    }
    return true;
  }
};

template <typename K, typename V>
struct Serializer<ffi::Map<K, V>> {
  static constexpr bool enabled = true;
  static void Write(Stream* stream, const ffi::Map<K, V>& map) {
    WriteCount(stream, map.size());
    for (const auto& item : map) {
      Serializer<K>::Write(stream, item.first);
      Serializer<V>::Write(stream, item.second);
    }
  }
  static bool Read(Stream* stream, ffi::Map<K, V>* map) {
    size_t count = 0;
    if (!ReadCount(stream, &count)) return false;
    *map = ffi::Map<K, V>();
    for (size_t i = 0; i < count; ++i) {
      K key;
      V value(ffi::UnsafeInit{});
      if (!Serializer<K>::Read(stream, &key) || !Serializer<V>::Read(stream, &value)) return false;
      map->Set(std::move(key), std::move(value));
    }
    return true;
  }
};

}  // namespace support
}  // namespace tvm

#endif  // BOCAL_TVM_SUPPORT_SERIALIZER_H_
