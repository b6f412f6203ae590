"""Variables: what is read, and what happens where one is not allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agenttrace import settings as names
from agenttrace.settings import InvalidSetting, Settings, SettingsReader, read_settings
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY

WRONG = "no-such-value"


def test_no_variable_means_the_defaults() -> None:
    """Nothing has to be set."""
    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({names.ENABLED: "false"}, Settings(enabled=False)),
        ({names.ENABLED: " OFF "}, Settings(enabled=False)),
        ({names.DECISIONS: "0"}, Settings(policy=Policy(decisions=False))),
        ({names.EVENTS: "both"}, Settings(events="both")),
        ({names.STRICT: "1"}, Settings(strict=True)),
        ({names.LABELS: "words"}, Settings(policy=Policy(labels="words"))),
        ({names.FAILURE_MESSAGES: "keep"}, Settings(policy=Policy(failure_messages="keep"))),
        ({names.ENVIRONMENT: "staging"}, Settings(environment="staging")),
    ],
)
def test_each_variable_is_read(variables: dict[str, str], expected: Settings) -> None:
    """One variable, one setting."""
    assert read_settings(variables) == expected


@pytest.mark.parametrize(
    "name",
    [
        names.ENABLED,
        names.DECISIONS,
        names.EVENTS,
        names.STRICT,
        names.LABELS,
        names.FAILURE_MESSAGES,
        names.VOCABULARY_FILE,
    ],
)
def test_a_value_that_is_not_allowed_is_named_without_itself(name: str) -> None:
    """By itself it leaves the default; `read_settings`, for `configure`, raises."""
    reader = SettingsReader({name: WRONG})
    assert reader.read() == Settings()
    assert [fault.split(":")[0] for fault in reader.faults] == [name]
    with pytest.raises(InvalidSetting) as raised:
        read_settings({name: WRONG})
    assert WRONG not in str(raised.value)


def test_a_vocabulary_file_extends(tmp_path: Path) -> None:
    """The site's codes come on top of the specification's."""
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps({"decisions": {"tool_selection": ["user_pinned"]}}), encoding="utf-8")
    found = read_settings({names.VOCABULARY_FILE: str(path)}).policy.vocabulary
    assert found == VOCABULARY.extended({"tool_selection": ["user_pinned"]}, {})


def test_one_bad_variable_does_not_undo_another() -> None:
    """A process that is switched off stays off."""
    reader = SettingsReader({names.ENABLED: "false", names.VOCABULARY_FILE: WRONG})
    assert not reader.read().enabled
