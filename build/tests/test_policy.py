"""The page's security policy names the one script that is written into a frame."""

import base64
import hashlib
from pathlib import Path

SITE = Path(__file__).resolve().parents[2] / "site"


def test_the_sandbox_script_is_the_one_that_the_policy_allows() -> None:
    digest = base64.b64encode(hashlib.sha256((SITE / "sandbox.js").read_bytes()).digest()).decode()
    assert f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}';" in (SITE / "index.html").read_text()
    assert "</script" not in (SITE / "sandbox.js").read_text()
