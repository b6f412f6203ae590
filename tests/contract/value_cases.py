"""Cases of columns whose values come in many forms: names as others write them, and counts."""

from __future__ import annotations

from typing import Final

from agenttrace_schemas.derived_rows import SettledStepRow
from agenttrace_schemas.rows import StepRow
from agenttrace_schemas.texts import REDACTED
from tests.contract.shape import ColumnCase

# As providers write them: scopes, aliases, paths, deployments, variants in parentheses.
_MODELS: Final = (
    "@cf/meta/llama-3-8b-instruct",
    "@hf/thebloke/deepseek-coder-6.7b-instruct-awq",
    "~vendor",
    "~anthropic/claude-sonnet-latest",
    "/models/Qwen2.5-7B-Instruct",
    "gpt-4o (Azure)",
    "gpt-4o (Azure OpenAI)",
    "Gemini 1.5 Pro (Exp 0801)",
    "Meta-Llama-3.1-8B-Instruct (free)",
    "gpt-4o+search",
    "accounts/fireworks/models/mixtral-8x7b#accounts/acme/deployments/abc123",
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "us.meta.llama3-3-70b-instruct-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-v1:0",
    "projects/123456789012/locations/us-central1/endpoints/1234567890123456789",
    "claude-3-5-sonnet@20240620",
    "models/gemini-1.5-pro",
    "ft:gpt-4o:acme::abc123",
    "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "qwen2.5:7b-instruct-q4_K_M",
    "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
    "meta-llama/llama-3.1-8b-instruct:free",
)
# What the wider form must not let in: sentences, calls with their arguments, handles, secrets.
_NO_NAMES: Final = (
    "tell Jane (my sister) about it",
    "gpt-4o (a b c)",
    "one two three four five (six)",
    "one two three four (five six)",
    "get_weather(Paris)",
    "(free)",
    "gpt-4o ()",
    "gpt-4o (Azure",
    "gpt-4o Azure)",
    "gpt-4o (Azure) EU",
    "@jane",
    "@ jane",
    "~ jane",
    "~/",
    "//jane",
    "#jane",
    "@cf/jane.doe@example.com",
    "gpt-4o (jane.doe@example.com)",
    "gpt-4o (sk-" + "a1" * 10 + ")",
    "gpt-4o (4111 1111 1111 1111)",
    "gpt-4o#4111111111111111",
    "~AKIA" + "A1" * 8,
    "gpt-4o\ngpt-4o",
    "gpt-4o  mini",
    "\u200bgpt-4o",
)

NAME_CASES: Final = (
    *(
        ColumnCase("identifier.pattern", StepRow, "model", value, stored)
        for value, stored in (
            *((name, name) for name in _MODELS),
            *((padding.format("gpt-4o"), "gpt-4o") for padding in (" {}", "{} ", "\t{}\n", "\u3000{}\u00a0")),
            (" " * 200, ""),
            *((name, REDACTED) for name in _NO_NAMES),
        )
    ),
)

COUNT_CASES: Final = (
    *(
        ColumnCase("count.range", StepRow, column, value, value)
        for column in ("input_tokens", "output_tokens", "retrieval_count", "attempt")
        for value in (None, 0, 2**48)
    ),
    *(
        ColumnCase("count.range", row, "input_tokens", value, None)
        for row in (StepRow, SettledStepRow)
        for value in (2**48 + 1, 2**63, 2**64 - 1)
    ),
)
