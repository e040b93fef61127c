"""Pictures as a vision model takes them: decoded by the browser, made smaller where need be, as a data URL."""

from base64 import b64encode

import js
from pyodide.ffi import JsException, to_js

from bocal.errors import Failure, Problem

LONGEST = 1344  # pixels of the longer side: Phi 3.5 Vision's largest crop
QUALITY = 0.9  # of the JPEG, in 0..1


async def shrink(name: str, content: bytes) -> str:
    """Return a picture as a data URL, as JPEG on white; raises Failure(PICTURE_UNREADABLE) for what is none."""
    try:
        bitmap = await js.createImageBitmap(js.Blob.new(to_js([content])))
        share = min(1.0, LONGEST / max(bitmap.width, bitmap.height))
        width, height = max(1, round(bitmap.width * share)), max(1, round(bitmap.height * share))
        canvas = js.OffscreenCanvas.new(width, height)
        context = canvas.getContext("2d")
        context.fillStyle = "white"
        context.fillRect(0, 0, width, height)
        context.drawImage(bitmap, 0, 0, width, height)
        bitmap.close()
        options = to_js({"type": "image/jpeg", "quality": QUALITY}, dict_converter=js.Object.fromEntries)
        jpeg = (await (await canvas.convertToBlob(options)).arrayBuffer()).to_bytes()
    except JsException as error:
        raise Failure(Problem.PICTURE_UNREADABLE, detail=str(error), file=name) from error
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
