// Stands in for engine.js: answers WebLLM's messages with recorded streams. e2e/replay.py fills in what is said to which question;
// any other question is answered with the whole request, as JSON.
const ANSWERS = [/* answers */];
const streams = new Map();

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const begin = ({ request, streamId }) => {
  const question = request.messages.at(-1).content;
  const echo = { pieces: ["```json\n", JSON.stringify(request), "\n```\n"], rate: 0 };
  const { pieces, rate } = ANSWERS.find((answer) => answer.question === question) ?? echo;
  streams.set(streamId, { pieces, rate, at: 0, begun: performance.now(), told: false });
  return null;
};

const next = async ({ streamId }) => {
  const stream = streams.get(streamId);
  if (stream.at < stream.pieces.length && !stream.stopped) {
    const due = stream.rate ? stream.begun + (1000 * stream.at) / stream.rate - performance.now() : 0;
    if (due > 0) await pause(due);
    return { choices: [{ delta: { content: stream.pieces[stream.at++] } }] };
  }
  if (stream.told) return undefined;
  stream.told = true;
  const extra = { time_to_first_token_s: 0.1, decode_tokens_per_s: stream.rate || 100 };
  const finish_reason = stream.stopped ? "abort" : "stop";
  return { choices: [{ delta: {}, finish_reason }], usage: { prompt_tokens: 10, completion_tokens: stream.at, extra } };
};

const answers = {
  chatCompletionStreamInit: begin,
  completionStreamNextChunk: next,
  interruptGenerate: () => void streams.forEach((stream) => (stream.stopped = true)),
};

self.onmessage = async ({ data: { kind, uuid, content } }) => {
  self.postMessage({ kind: "return", uuid, content: (await answers[kind]?.(content)) ?? null });
};
self.postMessage({ kind: "started" });
