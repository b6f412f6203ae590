"""Text patterns of the rules, in the ASCII subset that Python, RE2 and ECMAScript read alike.

None is anchored: Python takes them with `fullmatch`, SQL and JSON Schema through `anchored`. Only
`SECRETS` is searched for anywhere in a text.
"""

from __future__ import annotations

from typing import Final

_TOKEN: Final = "[A-Za-z0-9._:/@+#()=-]"  # noqa: S105 - a character class
_NAME: Final = "[A-Za-z0-9_.:/@+#-]"
# A vendor's scope (`@cf/meta/llama`), an alias (`~vendor/model`) or a path (`/models/llama`).
_SCOPE: Final = "(@[A-Za-z0-9_.-]+/|[~/])?"
_WORD: Final = f" {_NAME}+"
# At most five words; the last one or two may stand in parentheses: `gpt-4o (Azure)`.
_WORDS: Final = f"(({_WORD}){{0,4}}|({_WORD}){{0,3}} \\({_NAME}+\\)|({_WORD}){{0,2}} \\({_NAME}+{_WORD}\\))"

LABELS: Final = {
    "token": f"{_TOKEN}+",
    "words": f"{_TOKEN}+( {_TOKEN}+){{0,4}}",
    "relaxed": "[^\\x00-\\x1f\\x7f]+",
}
IDENTIFIER: Final = f"{_SCOPE}[A-Za-z0-9_]{_NAME}*{_WORDS}"
METADATA_KEY: Final = "[A-Za-z_][A-Za-z0-9_.-]*"
ATTRIBUTE_KEY: Final = "[A-Za-z0-9_.*-]*"
HASH: Final = "([0-9a-f]{64})?"
MESSAGE: Final = LABELS["relaxed"]
# Error types that only a tool that ran can end with: an exception's class, a time-out, an exit or HTTP status code.
RAN: Final = (
    "[A-Z][A-Za-z0-9_]*(Error|Exception|Timeout|Expired|Interrupt|Exit|Refused|Reset|Warning|Denied)"
    "|mcp_tool_error|(.*[._ -])?[Tt]ime(d)?[_ -]?[Oo]ut([._ -].*)?|deadline[_ ]exceeded"
    "|[A-Za-z_ -]*[Ee]xit(ed)?[_ -]?([Cc]ode|[Ss]tatus)?[:_ -]*-?[0-9]{1,3}|[1-5][0-9]{2}"
)
# Exceptions that tell the model so, to have it call again, whether or not there is such a tool.
CALL_AGAIN: Final = "ModelRetry|ToolRetryError|ToolError"
# Searched for anywhere: there is no such tool, function or agent.
UNKNOWN_TOOL: Final = (
    "(?i)(unknown|no[_ -]?such|invalid|undefined|unregistered|unrecognized|nonexistent|missing|hallucinated)"
    "[_ -]?(tool|function|agent)"
    "|(tool|function|agent)[_ -]?(name[_ -]?)?((is[_ -]?|was[_ -]?|does[_ -]?)?not[_ -]?"
    "(found|available|registered|exist|defined|known)|unavailable|unknown|missing)"
)

_CARD: Final = "([3-6][0-9]{3}|2[2-7][0-9]{2})[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{3,4}"
SECRETS: Final = "|".join(
    (
        "[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,}",
        "(^|[^A-Za-z0-9])(sk|pk|rk)[-_][A-Za-z0-9_-]{16,}",
        "(AKIA|ASIA)[0-9A-Z]{16}",
        "gh[oprsu]_[A-Za-z0-9]{20,}",
        "github_pat_[A-Za-z0-9_]{20,}",
        "glpat-[A-Za-z0-9_-]{16,}",
        "xox[abeoprs]-[A-Za-z0-9-]{10,}",
        "AIza[0-9A-Za-z_-]{30,}",
        "hf_[A-Za-z0-9]{30,}",
        "eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{4,}",
        f"(^|[^0-9A-Fa-f-]){_CARD}([^0-9A-Fa-f-]|$)",
    )
)
# No secret but an e-mail address, which has an `@`, is shorter: a card's number without its last digit.
SHORTEST_SECRET: Final = 15


def anchored(pattern: str) -> str:
    """The pattern as a full match for RE2 and ECMAScript, where `$` is the end of the text."""
    return f"^(?:{pattern})$"
