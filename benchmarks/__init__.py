"""The benchmarks behind every published figure: `python -m benchmarks [NAME] [options of NAME]`."""
