"""What the browser tells of its GPU and storage."""

import asyncio

import js
from pyodide.ffi import JsException, to_js

from bocal.models.device import Device, largest_buffer

PATIENCE = 60.0  # seconds for a driver that may never answer

# What a user agent says, and whose it is; Chromium says Safari too, and every browser of an iPhone is Safari inside.
_BROWSERS = (
    ("iPhone", "safari"), ("iPad", "safari"), ("Firefox/", "firefox"), ("Chrome/", "chromium"), ("Safari/", "safari"),
)  # fmt: skip


async def look() -> Device:
    """Ask the browser; never raises."""
    free, (browser, system) = await storage_free(), _software(str(js.navigator.userAgent))
    if not js.isSecureContext:
        return Device(why_not="insecure", storage_free=free)
    gpu = getattr(js.navigator, "gpu", None)
    if gpu is None:
        return Device(why_not="no_webgpu", storage_free=free, browser=browser, system=system)
    options = to_js({"powerPreference": "high-performance"}, dict_converter=js.Object.fromEntries)
    try:
        adapter = await asyncio.wait_for(gpu.requestAdapter(options), PATIENCE)
    except (JsException, TimeoutError):
        adapter = None
    if adapter is None:
        return Device(why_not="no_adapter", storage_free=free, browser=browser, system=system)
    return Device(
        gpu=_name(adapter),
        f16=bool(adapter.features.has("shader-f16")),
        largest_buffer=largest_buffer(
            int(adapter.limits.maxStorageBufferBindingSize), int(adapter.limits.maxBufferSize)
        ),
        memory=_memory(),
        storage_free=free,
    )


async def storage_free() -> int | None:
    """Return the bytes this site may still keep, or None when the browser does not tell."""
    try:
        told = await js.navigator.storage.estimate()
        return max(0, int(told.quota) - int(told.usage))
    except (JsException, AttributeError, TypeError):
        return None


async def ask_to_keep() -> bool:
    """Ask the browser never to erase this site's files by itself; return its answer."""
    try:
        return bool(await js.navigator.storage.persist())
    except (JsException, AttributeError):
        return False


def _software(agent: str) -> tuple[str, str]:
    """Tell the browser and the system by the user agent: advice depends on them, nothing else does."""
    browser = next((name for word, name in _BROWSERS if word in agent), "")
    return browser, "linux" if "Linux" in agent and "Android" not in agent else ""


def _memory() -> int | None:
    told = getattr(js.navigator, "deviceMemory", None)  # in GiB, rounded, and never more than the browser likes to tell
    return int(told * 2**30) if told else None


def _name(adapter: object) -> str:
    info = getattr(adapter, "info", None)
    description = str(getattr(info, "description", "") or "")
    if description:
        return description
    vendor, family = str(getattr(info, "vendor", "") or ""), str(getattr(info, "architecture", "") or "")
    vendor = vendor.upper() if len(vendor) < 4 or vendor == "nvidia" else vendor.capitalize()
    return " ".join(part for part in (vendor, family.capitalize()) if part)
