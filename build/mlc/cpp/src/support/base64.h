// TVM can keep a tensor as base64 inside JSON. Nothing that runs in the browser does, so these streams carry nothing:
// a read fails at once, and TVM reports it.
#ifndef BOCAL_SUPPORT_BASE64_H_
#define BOCAL_SUPPORT_BASE64_H_

#include <tvm/support/io.h>

namespace tvm {
namespace support {

class EmptyStream : public Stream {
 public:
  using Stream::Read;
  using Stream::Write;

  explicit EmptyStream(Stream*) {}
  size_t Read(void*, size_t) final { return 0; }
  size_t Write(const void*, size_t) final { return 0; }
};

class Base64InStream : public EmptyStream {
 public:
  using EmptyStream::EmptyStream;
  void InitPosition() {}
};

class Base64OutStream : public EmptyStream {
 public:
  using EmptyStream::EmptyStream;
  void Finish() {}
};

}  // namespace support
}  // namespace tvm

#endif  // BOCAL_SUPPORT_BASE64_H_
