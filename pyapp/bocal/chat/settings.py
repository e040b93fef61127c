"""How a model is to answer: the system prompt and the sampling, for one conversation or for all with a model.

Settings are a plain table with only what was set; what is not there comes from the model's own settings, then from its
mlc-chat-config.json, then from WebLLM. The names are those of WebLLM's requests (OpenAI's), besides `system`, `json`
and `schema`.
"""

from collections.abc import Mapping
from typing import Any

from bocal import strict
from bocal.errors import Failure, Problem
from bocal.option import Option

SYSTEM, JSON, SCHEMA = "system", "json", "schema"
NUMBERS = (
    Option("temperature", whole=False, low=0, high=2),
    Option("top_p", whole=False, low=0.01, high=1),
    Option("max_tokens", whole=True, low=1, high=1_048_576),
    Option("frequency_penalty", whole=False, low=-2, high=2),
    Option("presence_penalty", whole=False, low=-2, high=2),
    Option("seed", whole=True, low=0, high=2**31 - 1),
)
WINDOW = Option("context_window_size", whole=True, low=64, high=1_048_576)  # of a model, not of a conversation
# What WebLLM 0.2.86 takes where neither a request nor the model's configuration tells; the rest has no value then.
FALLBACK: Mapping[str, float] = {"temperature": 1.0, "top_p": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0.0}


def read(value: Any) -> dict[str, Any]:
    """Return the settings in a JSON value, without what is none or out of bounds."""
    if not isinstance(value, Mapping):
        return {}
    kept: dict[str, Any] = {}
    for option in (*NUMBERS, WINDOW):
        number = value.get(option.name)
        if isinstance(number, bool) or not isinstance(number, int | float) or not option.low <= number <= option.high:
            continue
        if not option.whole:
            kept[option.name] = number
        elif number == int(number):
            kept[option.name] = int(number)
    for name in (SYSTEM, SCHEMA):
        if isinstance(value.get(name), str):
            kept[name] = value[name]
    if isinstance(value.get(JSON), bool):
        kept[JSON] = value[JSON]
    return kept


def own(config: Any, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model brings by itself: its parsed mlc-chat-config.json under the overrides of its record."""
    template = config.get("conv_template") if isinstance(config, Mapping) else None
    system = template.get("system_message") if isinstance(template, Mapping) else None
    told: dict[str, Any] = {**FALLBACK, **({SYSTEM: system} if isinstance(system, str) else {})}
    for source in (config, overrides):
        numbers = {it: value for it, value in read(source).items() if it in FALLBACK}
        told.update(numbers)
    return told


def to_request(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a WebLLM request; raises Failure(SCHEMA_UNREADABLE) for a schema that is no JSON object."""
    request = {option.name: settings[option.name] for option in NUMBERS if option.name in settings}
    if settings.get(JSON):
        request["response_format"] = {"type": "json_object"}
        if schema := settings.get(SCHEMA, "").strip():
            check_schema(schema)
            request["response_format"]["schema"] = schema
    return request


def check_schema(schema: str) -> None:
    """Raise Failure(SCHEMA_UNREADABLE) for a text that is no JSON object."""
    try:
        value = strict.loads(schema)
    except ValueError as error:
        raise Failure(Problem.SCHEMA_UNREADABLE, detail=str(error)) from error
    if not isinstance(value, dict):
        raise Failure(Problem.SCHEMA_UNREADABLE, detail=type(value).__name__)
