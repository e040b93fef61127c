"""Pictures in a question: models that see get them, others say that they cannot."""

import base64
import json

import servers
from person import ask, open_page, wait_until_kept, wait_until_ready
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


def copy_picture(page: Page, texts: dict[str, str]) -> None:
    """Put a picture on the clipboard, with texts by their type."""
    page.evaluate(
        """async ([texts, png]) => {
            const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
            const item = { ...texts, "image/png": new Blob([bytes], { type: "image/png" }) };
            await navigator.clipboard.write([new ClipboardItem(item)]);
        }""",
        [texts, base64.b64encode(PNG).decode()],
    )


def drop_pictures(page: Page, *names: str) -> None:
    """Drop files on the conversation."""
    page.evaluate(
        """([names, png]) => {
            const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            for (const name of names) dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
            const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
            document.getElementById("main").dispatchEvent(drop);
        }""",
        [names, base64.b64encode(PNG).decode()],
    )


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
    wait_until_ready(page, "Eyes", "idle")
    choose_picture(page, "notes.txt", b"no picture")
    expect(page.get_by_text("notes.txt is no picture that this browser can read.")).to_be_visible()
    choose_picture(page, "red.png", PNG)
    expect(page.locator(".thumb img")).to_be_visible()
    drop_pictures(page, "one.png", "two.png")
    expect(page.locator(".thumb img")).to_have_count(3)
    for _ in range(2):
        page.locator(".thumb button").last.click()
    request = request_of(page, "What is this?")
    text, image = request["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
    expect(page.locator(".thumb")).to_have_count(0)
    expect(page.locator(".msg.user img")).to_be_visible()
    expect(page.locator(".side-list")).to_contain_text("What is this?")  # kept, a moment after it is shown
    wait_until_kept(page)
    page.reload()
    expect(page.locator(".msg.user img")).to_be_visible()
    wait_until_ready(page, "Eyes", "idle")
    ask(page, "And now?")
    assert "data:image/jpeg" in json.dumps(
        json.loads(page.locator(".msg:not(.user)").last.locator("code").inner_text())
    )


def test_a_text_that_an_office_program_copied_with_its_picture_is_pasted_as_text(
    page: Page, site: servers.Server
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    replay(page, {})
    open_page(page, site.origin)
    wait_until_ready(page, "The guide")
    copy_picture(page, {"text/plain": "some cells"})
    message = page.get_by_label("Your message")
    message.press("Control+v")
    expect(message).to_have_value("some cells")
    expect(page.locator("#notices .note")).to_have_count(0)
    copy_picture(page, {})
    message.press("Control+v")
    expect(page.get_by_text("The guide cannot see pictures.")).to_be_visible()
