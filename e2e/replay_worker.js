// In the engine worker's place: answers every question with the text in ANSWERS that belongs to it, or with the question.
const reply = (uuid, content) => postMessage({ kind: "return", uuid, content });
let left = [];

onmessage = ({ data: { kind, uuid, content } }) => {
  if (kind === "chatCompletionStreamInit") {
    const question = content.request.messages.at(-1).content;
    left = [
      { choices: [{ delta: { content: ANSWERS[question] ?? question } }] },
      { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } },
    ];
  }
  reply(uuid, kind === "completionStreamNextChunk" ? left.shift() : null);
};
postMessage({ kind: "started" });
