"""A conversation: what was said, and what each answer cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bocal.errors import Failure

Role = Literal["user", "assistant"]


@dataclass(frozen=True)
class Usage:
    """What WebLLM counted for one answer: tokens, seconds, tokens per second."""

    prompt_tokens: int
    completion_tokens: int
    first_token: float
    decode_rate: float

    @classmethod
    def read(cls, usage: Mapping[str, Any]) -> "Usage":
        """Read the `usage` object of a WebLLM chunk; figures it leaves out are 0."""
        extra = usage.get("extra") or {}
        return cls(
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            first_token=float(extra.get("time_to_first_token_s") or 0),
            decode_rate=float(extra.get("decode_tokens_per_s") or 0),
        )


@dataclass
class Message:
    """One turn. `by` names the model that answered; `failure` says why an answer ended early."""

    role: Role
    text: str
    by: str = ""
    usage: Usage | None = None
    failure: Failure | None = None


@dataclass
class Conversation:
    """Turns in order, a question before each answer."""

    messages: list[Message] = field(default_factory=list)

    def ask(self, text: str, model_name: str) -> Message:
        """Append a question and the empty answer to it; return the answer, to be filled."""
        answer = Message("assistant", "", by=model_name)
        self.messages += [Message("user", text), answer]
        return answer

    def to_engine(self) -> list[dict[str, str]]:
        """Return the turns in OpenAI's format, up to the last question; answers that failed empty are left out."""
        said = self.messages[:-1] if self.messages and self.messages[-1].role == "assistant" else self.messages
        turns: list[dict[str, str]] = []
        for message in said:
            if message.role == "assistant" and not message.text:
                turns.pop()  # its question goes with it: roles must alternate
            else:
                turns.append({"role": message.role, "content": message.text})
        return turns

    @property
    def tokens_used(self) -> int:
        """Tokens of the window taken by the conversation, as the engine last counted them."""
        counted = next((message.usage for message in reversed(self.messages) if message.usage), None)
        return counted.prompt_tokens + counted.completion_tokens if counted else 0
