"""Published formats of interleaved and paired data, a package each: `read.py` reads its rows, `write.py` writes them."""
