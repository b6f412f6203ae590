"""The generated files by their paths in the repository."""

from __future__ import annotations

from agenttrace_schemas.site_vocabulary import VOCABULARY
from agenttrace_schemas.typed_module import calls_module, codes_module
from deploy.generate.chart import chart_files
from deploy.generate.commands import commands_page
from deploy.generate.configuration import configuration_page
from deploy.generate.dashboards import dashboards
from deploy.generate.metrics import metrics_page
from deploy.generate.queries import catalogue_page
from deploy.generate.users import users_files
from deploy.generate.vocabulary import derivation_page, vocabulary_page
from deploy.generate.wire_schema import wire_schema_text


def generated(example: str) -> dict[str, str]:
    """The text of each file by its path in the repository; `example` is the text of deploy/collector.yaml."""
    return {
        "deploy/CONFIGURATION.md": configuration_page(example),
        "deploy/METRICS.md": metrics_page(),
        "deploy/COMMANDS.md": commands_page(),
        **{f"deploy/grafana/dashboards/{name}": text for name, text in dashboards().items()},
        **{f"deploy/clickhouse/{name}": text for name, text in users_files().items()},
        **chart_files(),
        "collector/agenttrace_collector/query/CATALOGUE.md": catalogue_page(),
        "schemas/VOCABULARY.md": vocabulary_page(),
        "schemas/DERIVATION.md": derivation_page(),
        "schemas/agenttrace_schemas/wire.schema.json": wire_schema_text(),
        "instrumentation/agenttrace/codes.py": codes_module(VOCABULARY),
        "instrumentation/agenttrace/signatures.py": calls_module(VOCABULARY),
    }
