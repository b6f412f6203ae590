-- The type of a key such as `tool/timeout`.
substring(key, 1, position(key, '/') - 1)
