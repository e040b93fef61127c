// How TVM's runtime is built for the browser: its log goes to the console, and an error is printed before it is
// thrown, because a WebAssembly module built without exceptions stops there.
#define TVM_LOG_DEBUG 0
#define TVM_LOG_CUSTOMIZE 1
#define TVM_FFI_USE_LIBBACKTRACE 0
#define TVM_FFI_ALWAYS_LOG_BEFORE_THROW 1
