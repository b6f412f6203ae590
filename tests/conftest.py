"""What every test starts from: no settings of this machine, no deadline where the processor is shared."""

from __future__ import annotations

import os

from hypothesis import settings

for name in [name for name in os.environ if name.startswith(("AGENTTRACE_", "OTEL_"))]:
    del os.environ[name]

settings.register_profile("shared", deadline=None, print_blob=True)
settings.load_profile("shared")
