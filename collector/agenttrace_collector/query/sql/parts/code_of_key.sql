-- The code of a key such as `tool/timeout`.
substring(key, position(key, '/') + 1)
