// Profiler ranges mean nothing in a browser.
#ifndef BOCAL_TVM_SUPPORT_CUDA_NVTX_H_
#define BOCAL_TVM_SUPPORT_CUDA_NVTX_H_

#include <string>

namespace tvm {
namespace support {

struct NVTXScopedRange {
  explicit NVTXScopedRange(const std::string&) {}
};

}  // namespace support
}  // namespace tvm

#endif  // BOCAL_TVM_SUPPORT_CUDA_NVTX_H_
