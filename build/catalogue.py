"""The standard models, as WebLLM's own `prebuiltAppConfig` lists them: extracted, never typed."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import runtime
import steps

# Names of the fields of one record of catalogue.json; bocal.models.catalogue reads them.
QUANTISATION = re.compile(r"q\d+f(?:16|32)(?:_\d)?")
KINDS = {0: "llm", 1: "embedding", 2: "vlm"}


def make(root: Path, cache: Path) -> Path:
    """Return a folder with `catalogue.json`: `{"libraries": base URL, "models": [record, ...]}`."""
    modules = runtime.install(root, cache)
    script = root / "build" / "node" / "prebuilt_models.mjs"
    key = steps.fingerprint(root / "build" / "package-lock.json", script, Path(__file__))

    def work(folder: Path) -> None:
        copy = modules / script.name  # node finds the package from where the script lies
        copy.write_bytes(script.read_bytes())
        web_llm = modules / "@mlc-ai" / "web-llm" / "lib" / "index.js"
        done = subprocess.run(["node", str(copy), str(web_llm)], capture_output=True, check=True)
        (folder / "catalogue.json").write_text(json.dumps(convert(json.loads(done.stdout)), separators=(",", ":")))

    return steps.make(cache / "catalogue", key, work, "extracting the standard models from WebLLM")


def convert(prebuilt: dict[str, Any]) -> dict[str, Any]:
    """Turn WebLLM's `{modelVersion, modelLibURLPrefix, models}` into our catalogue.

    A library is kept as its file name below one base URL, since the URL changes with each version of WebLLM.
    """
    base = f"{prebuilt['modelLibURLPrefix']}{prebuilt['modelVersion']}/"
    return {"libraries": base, "models": [_record(model, base) for model in prebuilt["models"]]}


def _record(model: dict[str, Any], base: str) -> dict[str, Any]:
    library = model["model_lib"]
    if not library.startswith(base):
        raise ValueError(f"{model['model_id']}: its library {library} does not lie below {base}")
    quantisation = QUANTISATION.search(model["model_id"])
    features = set(model.get("required_features", []))
    if quantisation and "f16" in quantisation[0]:
        features.add("shader-f16")
    record = {
        "id": model["model_id"],
        "url": model["model"],
        "library": library.removeprefix(base),
        "kind": KINDS[model.get("model_type", 0)],
        "memory": round(model["vram_required_MB"] * 1024 * 1024),
        "quantisation": quantisation[0] if quantisation else "",
        "features": sorted(features),
        "overrides": model.get("overrides", {}),
    }
    if "buffer_size_required_bytes" in model:
        record["buffer"] = model["buffer_size_required_bytes"]
    if "model_manifest" in model:
        record["package"] = model["model_manifest"]
    return record
