// Puts one large record into its database, says when that is committed or what went wrong, and is ended (records.js).
import { putHere } from "./records.js";

onmessage = ({ data: { place, data } }) => {
  putHere(place, data).then(() => postMessage(null), (error) => postMessage({ name: error?.name, text: String(error) }));
};
