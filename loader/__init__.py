"""Streams finished shards into training: exact resumption on any number of machines. It needs neither Ray nor torch."""

from interloom.loader.cache import Cache
from interloom.loader.fetching import Access, SampleError
from interloom.loader.mixture import Source
from interloom.loader.sample import Sample
from interloom.loader.shards import Split
from interloom.loader.state import merged
from interloom.loader.streaming import StreamingDocuments

__all__ = ["Access", "Cache", "Sample", "SampleError", "Source", "Split", "StreamingDocuments", "merged"]
