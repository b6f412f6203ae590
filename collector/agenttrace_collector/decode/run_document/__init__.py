"""One run as a JSON document, decoded to rows."""
