"""What this machine offers a model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """What the browser tells of its GPU and storage.

    `why_not` is "" when models can run, else `insecure` (the page is on neither https nor localhost), `no_webgpu` (the
    browser has none) or `no_adapter` (it has, but found no graphics card). `largest_buffer`, `memory` (of the machine)
    and `storage_free` are in bytes; the last two are None when the browser does not tell. `browser` is "chromium",
    "firefox", "safari" or "" for any other, `system` "linux" or "" for any other.
    """

    why_not: str = ""
    gpu: str = ""
    f16: bool = False
    largest_buffer: int = 0
    memory: int | None = None
    storage_free: int | None = None
    browser: str = ""
    system: str = ""

    @property
    def can_run(self) -> bool:
        """Whether any model can run here."""
        return not self.why_not

    def lacks(self, features: tuple[str, ...]) -> bool:
        """Whether a model that needs these WebGPU features cannot run here."""
        return self.can_run and "shader-f16" in features and not self.f16


def largest_buffer(binding: int, buffer: int) -> int:
    """Return the bytes that WebLLM can bind at once on an adapter with these limits (bytes).

    WebLLM 0.2.86 asks its device for 1 GiB of either, and where the adapter has less for 128 MiB of a binding and
    256 MiB of a buffer: never for what lies between, nor above.
    """
    whole = 1 << 30
    return min(whole if binding >= whole else 1 << 27, whole if buffer >= whole else 1 << 28)
