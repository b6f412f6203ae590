"""Cases of evaluations: names and labels of one token whatever the site's labels are, numbers of any size."""

from __future__ import annotations

import math
from typing import Final

from agenttrace_schemas import wire
from tests.contract.shape import NOT_IN_DATABASE, NOT_IN_JSON, PYTHON_ONLY, RELAXED, TOKEN, WORDS, cases

EVALUATION_CASES: Final = [
    *cases("evaluation.name", wire.EVALUATION_NAME, ("a", "a" * 64, "rag/faithfulness@2"), ("", "a" * 65)),
    *cases("evaluation.name", wire.EVALUATION_NAME, (), (None, 1, True, ["a"]), layers=NOT_IN_DATABASE),
    *cases("evaluation.score", wire.EVALUATION_SCORE, (0, 1, -1.5, 1e300, 0.0), ()),
    *cases("evaluation.score", wire.EVALUATION_SCORE, (), ("0.5", True, [0.5]), layers=NOT_IN_DATABASE),
    *cases(
        "evaluation.score", wire.EVALUATION_SCORE, (), (math.nan, math.inf, -math.inf), layers=NOT_IN_JSON
    ),
    *cases("evaluation.score", wire.EVALUATION_SCORE, (), (10**400,), layers=PYTHON_ONLY),
    *cases("evaluation.label", wire.EVALUATION_LABEL, ("", "pass", "a" * 64), ("a" * 65,)),
    *cases("evaluation.label", wire.EVALUATION_LABEL, (), (1, True, ["a"]), layers=NOT_IN_DATABASE),
    *(
        each
        for policy in (TOKEN, WORDS, RELAXED)
        for key in (wire.EVALUATION_NAME, wire.EVALUATION_LABEL)
        for each in (
            *cases("label.pattern", key, (), ("because the user asked me to", "a b", "é", "a,b"), policy),
            *cases("secret.pattern", key, (), ("jane.doe@example.com", "AKIA" + "A1" * 8), policy),
        )
    ),
]
