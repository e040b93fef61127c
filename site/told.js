// A word if the page does not start: in a script of its own, which runs whatever becomes of the others.
(() => {
  const PATIENCE = 45000; // milliseconds
  const french = navigator.language.startsWith("fr");
  const tell = (words) => {
    const place = document.getElementById("boot-message");
    if (place) place.textContent = words; // else Python has taken over and shows its own errors
  };
  const slow = setTimeout(() => tell(french
    ? "Bocal tarde à démarrer : la connexion est lente, ou quelque chose le bloque. Patientez, ou rechargez la page."
    : "Bocal is slow to start: the connection is slow, or something blocks it. Wait, or reload the page."), PATIENCE);
  const failed = (error) => {
    clearTimeout(slow);
    const why = error?.message ?? error;
    tell(french ? `Bocal n’a pas pu démarrer. Rechargez la page. (${why})` : `Bocal could not start. Reload the page. (${why})`);
  };
  addEventListener("unhandledrejection", (event) => failed(event.reason));
  addEventListener("error", ({ target, error, message }) => {
    if (target.localName === "script") failed(target.getAttribute("src")); // it, or what it imports, did not arrive
    else if (target === window) failed(error ?? message);
  }, true);
  addEventListener("py:done", () => setTimeout(() => failed("Python"), 1000), { once: true });
  if (!("noModule" in HTMLScriptElement.prototype)) {
    addEventListener("DOMContentLoaded", () => failed(french ? "navigateur trop ancien" : "this browser is too old"));
  }
})();
