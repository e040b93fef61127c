"""Compiles small Llama models into what WebLLM loads: a WebGPU model library and a folder of weights."""
