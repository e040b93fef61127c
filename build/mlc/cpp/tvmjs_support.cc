// What WebLLM's JavaScript half of TVM (tvmjs) calls in this module: four C functions, and the global functions named
// `tvmjs.*`.
#include "runtime_config.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>
#include <tvm/runtime/device_api.h>
#include <tvm/runtime/tensor.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

extern "C" {

// Written in JavaScript: call a function that lives there, and forget it.
int TVMFFIWasmSafeCall(void* self, const TVMFFIAny* args, int32_t num_args, TVMFFIAny* result);
void TVMFFIWasmFunctionDeleter(void* self);

// Space for `size` bytes, aligned to eight.
TVM_DLL void* TVMWasmAllocSpace(int size) { return new int64_t[(size + 7) / 8]; }

TVM_DLL void TVMWasmFreeSpace(void* space) { delete[] static_cast<int64_t*>(space); }

// Wrap a JavaScript function, known by its handle. Returns 0 on success.
TVM_DLL int TVMFFIWasmFunctionCreate(void* handle, TVMFFIObjectHandle* out) {
  return TVMFFIFunctionCreate(handle, TVMFFIWasmSafeCall, TVMFFIWasmFunctionDeleter, out);
}

// Take the last raised error's text; it stays valid until the next call.
TVM_DLL const char* TVMFFIWasmGetLastError() {
  static std::string text;
  text = tvm::ffi::details::MoveFromSafeCallRaised().what();
  return text.c_str();
}

}  // extern "C"

namespace tvm {
namespace runtime {
namespace {

ffi::Any ConcatenateArrays(ffi::PackedArgs arrays) {
  ffi::Array<ffi::Any> all;
  for (int i = 0; i < arrays.size(); ++i) {
    for (const ffi::Any& item : arrays[i].cast<ffi::Array<ffi::Any>>()) all.push_back(item);
  }
  return all;
}

// Matrices [n_i, width] of one device, one below the other.
Tensor ConcatenateRows(const std::vector<Tensor>& parts) {
  int64_t rows = 0;
  for (const Tensor& part : parts) rows += part->shape[0];
  const Tensor& first = parts.at(0);
  const int64_t width = first->shape[1];
  const uint64_t row_bytes = width * ((first->dtype.bits * first->dtype.lanes + 7) / 8);
  Tensor all = Tensor::Empty(ffi::Shape({rows, width}), first->dtype, first->device);
  DLTensor slot = *all.operator->();
  slot.byte_offset = 0;
  for (const Tensor& part : parts) {
    slot.shape = part->shape;
    Tensor::CopyFromTo(part.operator->(), &slot);
    slot.byte_offset += part->shape[0] * row_bytes;
  }
  return all;
}

int64_t CountElements(const Tensor& tensor) {
  int64_t count = 1;
  for (int i = 0; i < tensor->ndim; ++i) count *= tensor->shape[i];
  return count;
}

// Widen bfloat16 to float32. The numbers go from last to first, so `from` may be the start of `to`.
void WidenBfloat16(const char* from, char* to, int64_t count) {
  for (int64_t i = count - 1; i >= 0; --i) {
    uint16_t half;
    std::memcpy(&half, from + 2 * i, sizeof(half));
    const uint32_t word = static_cast<uint32_t>(half) << 16;
    std::memcpy(to + 4 * i, &word, sizeof(word));
  }
}

char* BytesOf(const Tensor& tensor) { return static_cast<char*>(tensor->data) + tensor->byte_offset; }

// Fill a tensor on the CPU from a stored parameter; `format` is the one in tensor-cache.json.
void DecodeStorage(ffi::PackedArgs args) {
  Tensor tensor = args[0].cast<Tensor>();
  TVMFFIByteArray* bytes = args[1].cast<TVMFFIByteArray*>();
  const std::string format = args[2].cast<ffi::String>();
  const std::string dtype = args[3].cast<ffi::String>();
  if (format == "f32-to-bf16" && dtype == "float32") {
    const int64_t count = CountElements(tensor);
    TVM_FFI_ICHECK_EQ(static_cast<int64_t>(bytes->size), 2 * count) << "a bfloat16 parameter has another size";
    WidenBfloat16(bytes->data, BytesOf(tensor), count);
  } else {
    tensor.CopyFromBytes(bytes->data, bytes->size);
  }
}

// The same, for a tensor whose first bytes are the stored bfloat16 numbers.
void DecodeInPlace(Tensor tensor, int64_t encoded_bytes) {
  const int64_t count = CountElements(tensor);
  TVM_FFI_ICHECK_EQ(encoded_bytes, 2 * count) << "a bfloat16 parameter has another size";
  WidenBfloat16(BytesOf(tensor), BytesOf(tensor), count);
}

ffi::Bytes CopyToBytes(Tensor tensor) {
  std::string bytes(ffi::GetDataSize(*tensor.operator->()), '\0');
  tensor.CopyToBytes(bytes.data(), bytes.size());
  return ffi::Bytes(std::move(bytes));
}

}  // namespace

TVM_FFI_STATIC_INIT_BLOCK() {
  ffi::reflection::GlobalDef()
      .def_packed("tvmjs.runtime.ArrayConcat",
                  [](ffi::PackedArgs args, ffi::Any* result) { *result = ConcatenateArrays(args); })
      .def_packed("tvmjs.runtime.ConcatEmbeddings",
                  [](ffi::PackedArgs args, ffi::Any* result) {
                    std::vector<Tensor> parts;
                    for (int i = 0; i < args.size(); ++i) parts.push_back(args[i].cast<Tensor>());
                    *result = ConcatenateRows(parts);
                  })
      .def("tvmjs.runtime.TensorCopyFromBytes",
           [](Tensor tensor, TVMFFIByteArray* bytes) { tensor.CopyFromBytes(bytes->data, bytes->size); })
      .def("tvmjs.runtime.TensorCopyToBytes", CopyToBytes)
      .def_packed("tvmjs.array.decode_storage", [](ffi::PackedArgs args, ffi::Any*) { DecodeStorage(args); })
      .def("tvmjs.array.decode_bf16_to_f32_inplace", DecodeInPlace);
}

}  // namespace runtime
}  // namespace tvm
