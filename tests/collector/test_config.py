"""Configuration: defaults, substitution, merging, and every problem at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agenttrace_collector.config import Config, ConfigError, Problem, address, build_policy, load_config
from agenttrace_collector.config.site_key import key_file, site_key, warn_without_key
from agenttrace_schemas.rules import Policy


def written(directory: Path, text: str, name: str = "collector.yaml") -> Path:
    """A file with this text."""
    file = directory / name
    file.write_text(text)
    return file


def problems(directory: Path, text: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    """What is wrong with this text."""
    with pytest.raises(ConfigError) as caught:
        load_config([written(directory, text)], environ=environ or {})
    return caught.value.problems


def test_no_file_is_needed() -> None:
    """Every key has a default, and an empty file changes none."""
    assert load_config(environ={}) == Config()


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "{}", "receivers:\n", "receivers:\n  otlp:\n    protocols:\n"]
)
def test_empty_sections_mean_defaults(tmp_path: Path, text: str) -> None:
    """As in the Collector, a key without a value stands for its default."""
    assert load_config([written(tmp_path, text)], environ={}) == Config()


def test_defaults_listen_on_loopback_only() -> None:
    """Nobody is exposed by not configuring."""
    config = Config()
    listeners = (
        config.receivers.otlp.protocols.grpc,
        config.receivers.otlp.protocols.http,
        config.extensions.api,
        config.extensions.clickhouse_http,
        config.extensions.health_check,
    )
    assert all(listener.endpoint and address(listener.endpoint).is_loopback for listener in listeners)
    assert [address(listener.endpoint).port for listener in listeners if listener.endpoint] == [
        4317,
        4318,
        8400,
        8123,
        13133,
    ]


@pytest.mark.parametrize(
    ("written_as", "seconds"),
    [("0.5s", 0.5), ("500ms", 0.5), ("30s", 30.0), ("1h30m", 5400.0), ("90d", 7_776_000.0)],
)
def test_durations_have_units(tmp_path: Path, written_as: str, seconds: float) -> None:
    """A duration is a number of seconds, written with its unit."""
    text = f"exporters: {{clickhouse: {{block_age: {written_as}}}}}"
    assert load_config([written(tmp_path, text)], environ={}).exporters.clickhouse.block_age == seconds


@pytest.mark.parametrize("wrong", ["5", "5 s", "s", "-5s", "5w", "five"])
def test_other_durations_are_refused(tmp_path: Path, wrong: str) -> None:
    """A number without a unit is ambiguous."""
    found = problems(tmp_path, f"derive:\n  quiet: {wrong}\n")
    assert [(str(p.position), p.path) for p in found] == [("collector.yaml:2", "derive.quiet")]


def test_all_problems_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    """Nobody wants to run validate five times."""
    text = """\
receivers:
  otlp:
    protocols:
      grpc: {endpont: 127.0.0.1:1}
      http:
        endpoint: nowhere
journal:
  max_size_mib: -3
exporters:
  clickhouse:
    block_age: 5
servce: {}
"""
    found = {p.path: (p.position.line, p.message) for p in problems(tmp_path, text)}
    assert {path: line for path, (line, _) in found.items()} == {
        "receivers.otlp.protocols.grpc.endpont": 4,
        "receivers.otlp.protocols.http.endpoint": 6,
        "journal.max_size_mib": 8,
        "exporters.clickhouse.block_age": 11,
        "servce": 12,
    }
    assert found["receivers.otlp.protocols.grpc.endpont"][1] == "unknown key, did you mean endpoint?"
    assert found["servce"][1] == "unknown key, did you mean service?"


def test_an_unknown_key_unlike_any_other_names_what_is_allowed(tmp_path: Path) -> None:
    """Where no suggestion is close the section's keys are listed."""
    (found,) = problems(tmp_path, "journal: {xyz: 1}")
    assert found.message == "unknown key, must be one of directory, durability, max_size_mib"


@pytest.mark.parametrize(
    "text",
    [
        "exporters: {clickhouse: {endpoint: 'ftp://user:hunter2@host'}}",
        "journal: {max_size_mib: hunter2}",
        "processors: {enforce: {labels: hunter2}}",
        "journal: {directory: '${hunter2!}'}",
        "journal: {directory: [hunter2]}",
        "hunter2",
        "journal: 'hunter2'",
        "a: 'hunter2",
        "hunter2!: {endpoint: x}",
        "journal: {'Hunter2 of hunter2': 1}",
        "? [hunter2]\n: 1",
        "? {hunter2: 1}\n: 1",
        "'hunter2!': 1\n'hunter2!': 2",
    ],
)
def test_values_are_never_repeated(tmp_path: Path, text: str) -> None:
    """A value may be a password."""
    with pytest.raises(ConfigError) as caught:
        load_config([written(tmp_path, text)], environ={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${env:PLACE}", "here"),
        ("${PLACE}", "here"),
        ("${env:PLACE}/journal", "here/journal"),
        ("${env:NOWHERE:-there}", "there"),
        ("${env:EMPTY:-there}", "there"),
        ("$$PLACE", "$PLACE"),
        ("$${PLACE}", "${PLACE}"),
        ("$PLACE", "$PLACE"),
        ("${env:NUMBER}", "0123"),
    ],
)
def test_environment_variables_are_put_in(tmp_path: Path, expression: str, value: str) -> None:
    """As in the Collector; text stays as it was written."""
    file = written(tmp_path, f"journal: {{directory: '{expression}'}}")
    environ = {"PLACE": "here", "EMPTY": "", "NUMBER": "0123"}
    assert str(load_config([file], environ=environ).journal.directory) == value


def test_environment_variables_take_the_type_of_their_key(tmp_path: Path) -> None:
    """The same text is a number or a boolean where one is wanted."""
    text = "journal: {max_size_mib: '${SIZE}'}\nprocessors: {enforce: {decisions: '${FLAG}'}}"
    config = load_config([written(tmp_path, text)], environ={"SIZE": "12", "FLAG": "false"})
    assert (config.journal.max_size_mib, config.processors.enforce.decisions) == (12, False)


def test_an_unset_variable_is_a_problem(tmp_path: Path) -> None:
    """A token must not silently become an empty one."""
    (found,) = problems(tmp_path, "journal:\n  directory: ${env:NOWHERE}\n")
    assert (found.position.line, found.path) == (2, "journal.directory")
    assert "NOWHERE is not set" in found.message


def test_a_key_that_stands_twice_is_a_problem(tmp_path: Path) -> None:
    """YAML would keep the last and say nothing."""
    (found,) = problems(tmp_path, "journal:\n  max_size_mib: 1\n  max_size_mib: 2\n")
    assert (found.position.line, found.message) == (3, "this key occurs twice")


def test_later_files_and_overrides_win(tmp_path: Path) -> None:
    """Files are laid over each other key by key, --set over all."""
    first = written(tmp_path, "journal: {max_size_mib: 1, durability: os}", "a.yaml")
    second = written(tmp_path, "journal: {max_size_mib: 2}", "b.yaml")
    journal = load_config([first, second], ["journal.directory=elsewhere"], {}).journal
    assert (journal.max_size_mib, journal.durability, str(journal.directory)) == (2, "os", "elsewhere")


@pytest.mark.parametrize("override", ["journal.max_size_mib", "=3", "a..b=3", "jornal.max_size_mib=3"])
def test_wrong_overrides_are_problems_of_set(override: str) -> None:
    """An override is checked as a file is."""
    with pytest.raises(ConfigError) as caught:
        load_config([], [override], {})
    assert str(caught.value.problems[0].position) == "--set"


def test_null_switches_a_listener_off() -> None:
    """What has no endpoint is not started."""
    assert load_config([], ["extensions.api.endpoint=null"], {}).extensions.api.endpoint is None


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """The file is named, the reason is the error's class."""
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        load_config([tmp_path / "none.yaml"])


def test_certificates_must_be_there(tmp_path: Path) -> None:
    """A listener that cannot start is told by validate, not at night."""
    (found,) = problems(tmp_path, "extensions:\n  api:\n    tls: {cert_file: none, key_file: none}\n")
    assert (found.position.line, found.message) == (3, "cert_file is not a file")


def test_the_policy_follows_the_configuration(tmp_path: Path) -> None:
    """Every key of enforce reaches the rules."""
    extension = written(tmp_path, '{"decisions": {"tool_selection": ["site_rule"]}}', "vocabulary.json")
    overrides = [
        f"processors.enforce.vocabulary={extension}",
        "processors.enforce.labels=words",
        "processors.enforce.failure_messages=keep",
        "processors.enforce.decisions=false",
        "processors.enforce.site_key=key",
    ]
    config = load_config([], overrides, {})
    policy = build_policy(config.processors.enforce, site_key(config))
    assert "site_rule" in policy.vocabulary.decisions["tool_selection"]
    assert (policy.labels, policy.failure_messages, policy.decisions) == ("words", "keep", False)
    assert policy.site_key == b"key"


def test_the_default_policy_is_the_rules_own() -> None:
    """Without configuration both say the same."""
    assert build_policy(Config().processors.enforce) == Policy()


@pytest.mark.parametrize("content", [None, "no json", "[" * 100_000, '{"decisions": {"Bad Name": []}}'])
def test_a_wrong_vocabulary_is_a_problem(tmp_path: Path, content: str | None) -> None:
    """The extension file is checked with the configuration."""
    file = tmp_path / "vocabulary.json"
    if content is not None:
        file.write_text(content)
    enforce = load_config([], [f"processors.enforce.vocabulary={file}"], {}).processors.enforce
    with pytest.raises(ConfigError, match=r"processors\.enforce\.vocabulary"):
        build_policy(enforce)


def test_secrets_are_not_shown() -> None:
    """Neither the key of conversations nor a password in the endpoint is in a repr."""
    overrides = [
        "processors.enforce.site_key=hunter2",
        "exporters.clickhouse.endpoint=https://user:hunter2@host:8443/agenttrace",
    ]
    assert "hunter2" not in repr(load_config([], overrides, {}))


def embedded(directory: Path) -> Config:
    """The configuration of a database in this directory."""
    return load_config([], [f"exporters.clickhouse.endpoint=chdb://{directory}/data"], {})


def test_an_embedded_database_gets_a_key_of_its_own(tmp_path: Path) -> None:
    """Once, beside the data, for nobody else to read."""
    config = embedded(tmp_path)
    assert site_key(config) == b""
    made = site_key(config, make=True)
    assert len(made) == 64
    assert site_key(config, make=True) == site_key(config) == made
    file = key_file(config.exporters.clickhouse.endpoint)
    assert (file.parent, file.stat().st_mode & 0o777) == (tmp_path, 0o600)


def test_a_link_in_place_of_the_key_is_not_followed(tmp_path: Path) -> None:
    """It could name any file."""
    config = embedded(tmp_path)
    (tmp_path / "other").write_text("of somebody else")
    key_file(config.exporters.clickhouse.endpoint).symlink_to(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"processors\.enforce\.site_key"):
        site_key(config, make=True)


@pytest.mark.parametrize(("key", "warned"), [("", True), ("hunter2", False)])
def test_a_server_without_a_key_is_told(key: str, *, warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It gets none: another collector would make another one."""
    overrides = ["exporters.clickhouse.endpoint=https://host:8443", f"processors.enforce.site_key={key}"]
    config = load_config([], overrides, {})
    warn_without_key(config)
    assert ("site_key is not configured" in caplog.text) == warned
    assert site_key(config, make=True) == key.encode()
    assert "hunter2" not in caplog.text
