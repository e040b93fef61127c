// The byte stream that TVM's runtime serialises to and from. The wheel's sources include this header without
// carrying it; only what they call is here.
#ifndef BOCAL_TVM_SUPPORT_IO_H_
#define BOCAL_TVM_SUPPORT_IO_H_

#include <cstddef>
#include <type_traits>

namespace tvm {
namespace support {

// How a value of type T goes through a stream; serializer.h has the definitions.
template <typename T, typename = void>
struct Serializer;

class Stream {
 public:
  virtual ~Stream() = default;

  // Raw bytes. Each returns how many bytes went through.
  virtual size_t Read(void* data, size_t size) = 0;
  virtual size_t Write(const void* data, size_t size) = 0;

  template <typename T>
  void Write(const T& value) {
    Serializer<T>::Write(this, value);
  }

  // False when the stream ends early.
  template <typename T>
  bool Read(T* value) {
    return Serializer<T>::Read(this, value);
  }

  template <typename T>
  void WriteArray(const T* values, size_t count) {
    for (size_t i = 0; i < count; ++i) Write<T>(values[i]);
  }

  template <typename T>
  bool ReadArray(T* values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      if (!Read<T>(values + i)) return false;
    }
    return true;
  }
};

}  // namespace support
}  // namespace tvm

#endif  // BOCAL_TVM_SUPPORT_IO_H_
