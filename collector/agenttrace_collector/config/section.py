"""What every section of the configuration shares."""

from __future__ import annotations

from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(gt=0, description="number above 0")]
SHARE: Final = "number above 0, at most 1"
Share = Annotated[float, Field(gt=0, le=1, description=SHARE)]


class Section(BaseModel):
    """What every section shares: unknown keys are errors, an empty key means its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or cls._allows_none(key)}

    @classmethod
    def _allows_none(cls, key: str) -> bool:
        field = cls.model_fields.get(key)
        return field is None or type(None) in get_args(field.annotation)
