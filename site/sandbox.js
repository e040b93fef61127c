// In the sandbox's frame, which browser/runner.py makes with an origin of its own and no network: starts the worker that
// runs the code, and hands on what it says, as texts, as many characters and messages as were agreed: a worker that goes
// on is ended here at once, for its messages would keep this thread from everything else. Its hash is in index.html's policy.
addEventListener("message", ({ source, data, ports: [port] }) => {
  if (source !== parent) return;
  const { script, files, job, characters, messages } = data;
  const reader = new FileReader();
  reader.onload = () => {
    const worker = new Worker(reader.result, { type: "module" }); // from a blob, Chromium starts no module worker here
    let [roomLeft, messagesLeft] = [characters, messages];
    worker.onmessage = ({ data: said }) => {
      const fits = typeof said === "string" && said.length <= roomLeft;
      if (fits) roomLeft -= said.length;
      messagesLeft -= 1;
      if (messagesLeft < 0) worker.terminate();
      port.postMessage(fits ? said : "");
    };
    worker.onerror = ({ message }) => port.postMessage(JSON.stringify({ kind: "broke", detail: String(message) }));
    worker.postMessage({ files, job }, Object.values(files));
  };
  reader.readAsDataURL(new Blob(script, { type: "text/javascript" }));
});
