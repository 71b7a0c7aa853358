"""Benchmarks. Each prints JSON, and compares itself with a floor measured in the same run."""
