// In the sandbox's frame, which browser/runner.py makes with an origin of its own and no network: starts the worker that
// runs the code, and hands on what it says, as texts of a length that was agreed. Its hash is in the policy of index.html.
addEventListener("message", ({ source, data, ports: [port] }) => {
  if (source !== parent) return;
  const { script, files, job, longest } = data;
  const reader = new FileReader();
  reader.onload = () => {
    const worker = new Worker(reader.result, { type: "module" }); // from a blob, Chromium starts no module worker here
    worker.onmessage = ({ data: said }) => typeof said === "string" && said.length <= longest && port.postMessage(said);
    worker.onerror = ({ message }) => port.postMessage(JSON.stringify({ kind: "broke", detail: String(message) }));
    worker.postMessage({ files, job }, Object.values(files));
  };
  reader.readAsDataURL(new Blob(script, { type: "text/javascript" }));
});
