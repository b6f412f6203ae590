"""The page of the named queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agenttrace_collector.query.catalogue import Query, catalogue

_OPENING: Final = """\
# Named queries

<!-- Made by `python -m deploy.generate`; a test holds it in step. -->

Every answer of the HTTP API, the command line, the pages and the dashboards comes from one of these. They stand in
`query/sql`, read the views and the table `agent_rejections`, and take their values as ClickHouse parameters: nothing is
put into a statement. `tenant` is bound by who asks. A text parameter that is empty filters nothing, and a time range
holds its start and not its end.

On a server, or over `extensions.clickhouse_http`, they run as they stand:

```sh
curl 'http://127.0.0.1:8123/?param_tenant=default&param_run_id=00000000-0000-0000-0000-000000000001' \\
  --data-binary 'SELECT status FROM runs WHERE tenant = {tenant:String} AND run_id = {run_id:UUID}'
```
"""


def catalogue_page() -> str:
    """The page as Markdown."""
    queries = catalogue().values()
    index = [f"- [{query.title}](#{query.name}): `{query.name}`" for query in queries]
    return "\n".join([_OPENING, *index, "", *("\n".join(_section(query)) for query in queries)])


def _section(query: Query) -> Iterator[str]:
    yield f"## {query.name}\n"
    yield f"{query.title}. {query.about}\n"
    yield "| parameter | type |\n| --- | --- |"
    yield from (f"| `{name}` | `{kind}` |" for name, kind in sorted(query.parameters.items()))
    yield f"\n```sql\n{query.statement}\n```\n"
