"""Pure decoding: request bytes and a context in, enforced rows and refusals out."""
