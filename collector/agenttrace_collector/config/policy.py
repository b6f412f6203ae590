"""Builds the policy of the rules from the configuration."""

from __future__ import annotations

from agenttrace_collector.config.problems import ConfigError, Position, Problem
from agenttrace_collector.config.sections import Enforce
from agenttrace_schemas.rules import Policy
from agenttrace_schemas.site_vocabulary import VOCABULARY, Vocabulary
from agenttrace_schemas.vocabulary_file import InvalidVocabulary, load_extension


def build_policy(enforce: Enforce, site_key: bytes = b"") -> Policy:
    """Builds the policy and reads its vocabulary file; raises `ConfigError` if that file cannot be used.

    The rules of the database do not depend on the site's key (`config.site_key`).
    """
    return Policy(
        vocabulary=_vocabulary(enforce),
        labels=enforce.labels,
        failure_messages=enforce.failure_messages,
        decisions=enforce.decisions,
        tools=frozenset(enforce.tools),
        site_key=site_key,
    )


def _vocabulary(enforce: Enforce) -> Vocabulary:
    if enforce.vocabulary is None:
        return VOCABULARY
    try:
        return load_extension(enforce.vocabulary)
    except (InvalidVocabulary, OSError) as error:
        reason = str(error) if isinstance(error, InvalidVocabulary) else "the file cannot be read"
        where = Position(str(enforce.vocabulary))
        raise ConfigError([Problem(where, "processors.enforce.vocabulary", reason)]) from error
