"""Pictures in a question: models that see get them, others say that they cannot."""

import base64
import json

import servers
from person import ask, open_page, wait_until_ready
from playwright.sync_api import Page, expect
from replay import replay, request_of

# One red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
SEEING = "Phi-3.5-vision-instruct-q4f32_1-MLC"


def choose_picture(page: Page, name: str, content: bytes) -> None:
    """Choose a file for the question."""
    page.get_by_label("Add a picture").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_a_model_that_cannot_see_says_so(page: Page, site: servers.Server) -> None:
    replay(page, {})
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    choose_picture(page, "red.png", PNG)
    expect(page.get_by_text("The guide cannot see pictures.")).to_be_visible()
    expect(page.locator(".thumb")).to_have_count(0)


def test_a_model_that_sees_gets_the_picture(page: Page, site: servers.Server) -> None:
    replay(page, {})
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    guide = f"{site.origin}/models/guide"
    library = {"url": f"{guide}/resolve/main/bocal-guide-q4f32_1-MLC-webgpu.wasm"}
    entry = {"id": "eyes", "name": "Eyes", "url": guide, "custom": True, "kind": "vlm", "library": library}
    page.evaluate("entry => localStorage.customModels = JSON.stringify([entry])", entry)
    page.evaluate("localStorage['bocal.model'] = 'eyes'")
    page.reload()
    wait_until_ready(page, "Eyes")
    choose_picture(page, "notes.txt", b"no picture")
    expect(page.get_by_text("notes.txt is no picture that this browser can read.")).to_be_visible()
    choose_picture(page, "red.png", PNG)
    expect(page.locator(".thumb img")).to_be_visible()
    request = request_of(page, "What is this?")
    text, image = request["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
    expect(page.locator(".thumb")).to_have_count(0)
    expect(page.locator(".msg.user img")).to_be_visible()
    expect(page.locator(".side-list")).to_contain_text("What is this?")  # kept, a moment after it is shown
    page.reload()
    expect(page.locator(".msg.user img")).to_be_visible()
    wait_until_ready(page, "Eyes")
    ask(page, "And now?")
    assert "data:image/jpeg" in json.dumps(
        json.loads(page.locator(".msg:not(.user)").last.locator("code").inner_text())
    )
