"""Speed against bare Python and against peers, all in one run: ``python -m benchmarks``."""
