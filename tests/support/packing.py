"""Packs bodies as senders pack them."""

from __future__ import annotations

import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["raw_deflate", "zstd"]


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's header, as some senders write it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
