// What must happen before Python runs: PyScript kept within the page's security policy, and a word if nothing starts.
import { hooks } from "./pyscript/core.js";

// PyScript builds its default worker hook with Function(), which the policy forbids; this page has no PyScript worker.
hooks.worker.onBeforeRunAsync.clear();

const failed = (error) => {
  const place = document.getElementById("boot-message");
  if (!place) return; // Python has taken over and shows its own errors
  place.textContent = navigator.language.startsWith("fr")
    ? `Bocal n’a pas pu démarrer. Rechargez la page. (${error?.message ?? error})`
    : `Bocal could not start. Reload the page. (${error?.message ?? error})`;
};
addEventListener("unhandledrejection", (event) => failed(event.reason));
addEventListener("error", (event) => failed(event.error ?? event.message));
addEventListener("py:done", () => setTimeout(() => failed("Python"), 1000), { once: true });
