"""The engine: it runs workflows and knows nobody above it."""
