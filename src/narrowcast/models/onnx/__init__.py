"""Classifiers as one ONNX file each: written, read, compared with the measured one."""
