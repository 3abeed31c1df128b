"""Models for runtimes other than PyTorch: ONNX Runtime and transformers.js, llama.cpp."""
