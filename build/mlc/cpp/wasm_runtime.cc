// TVM's runtime for the browser in one translation unit: the virtual machine, its paged key-value cache and the
// foreign function interface. Left out, because a chat in a page calls none of it: RPC, files of parameters, CPU
// sorting, recurrent state and TVM's own tests.
#include "runtime_config.h"

#include <cstdlib>
#include <iostream>
#include <string>

#include "3rdparty/tvm-ffi/src/ffi/backtrace.cc"
#include "3rdparty/tvm-ffi/src/ffi/container.cc"
#include "3rdparty/tvm-ffi/src/ffi/custom_allocator.cc"
#include "3rdparty/tvm-ffi/src/ffi/dtype.cc"
#include "3rdparty/tvm-ffi/src/ffi/error.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/env_c_api.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/env_context.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/json_parser.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/json_writer.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/library_module.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/library_module_system_lib.cc"
#include "3rdparty/tvm-ffi/src/ffi/extra/module.cc"
#include "3rdparty/tvm-ffi/src/ffi/function.cc"
#include "3rdparty/tvm-ffi/src/ffi/init_once.cc"
#include "3rdparty/tvm-ffi/src/ffi/object.cc"
#include "3rdparty/tvm-ffi/src/ffi/tensor.cc"
#include "src/runtime/cpu_device_api.cc"
#include "src/runtime/device_api.cc"
#include "src/runtime/file_utils.cc"
#include "src/runtime/logging.cc"
#include "src/runtime/memory/memory_manager.cc"
#include "src/runtime/tensor.cc"
#include "src/runtime/vm/attn_backend.cc"
#include "src/runtime/vm/builtin.cc"
#include "src/runtime/vm/bytecode.cc"
#include "src/runtime/vm/executable.cc"
#include "src/runtime/vm/kv_state.cc"
#include "src/runtime/vm/lm_support.cc"
#include "src/runtime/vm/paged_kv_cache.cc"
#include "src/runtime/vm/tensor_cache_support.cc"
#include "src/runtime/vm/vm.cc"
#include "src/runtime/workspace_pool.cc"

// A page has one thread: a parallel region is one call.
int TVMBackendParallelLaunch(FTVMParallelLambda body, void* data, int) {
  TVMParallelGroupEnv environment;
  environment.num_task = 1;
  return body(0, &environment, data);
}

int TVMBackendParallelBarrier(int, TVMParallelGroupEnv*) { return 0; }

namespace tvm {
namespace runtime {
namespace detail {

[[noreturn]] void LogFatalImpl(const std::string& file, int line, const std::string& message) {
  std::cerr << file << ":" << line << ": " << message << std::endl;
  std::abort();
}

void LogMessageImpl(const std::string& file, int line, int, const std::string& message) {
  std::cout << file << ":" << line << ": " << message << std::endl;
}

}  // namespace detail
}  // namespace runtime
}  // namespace tvm
