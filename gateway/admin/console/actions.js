// What changes something: asked once more, done, and the place shown anew.

import { call } from "./api.js";
import { make } from "./dom.js";

const message = document.getElementById("message");

export function say(text, bad = false) {
  message.replaceChildren(text);
  message.className = bad ? "bad" : "good";
}

export function confirmed(question) {
  const dialog = document.getElementById("confirm");
  document.getElementById("question").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

export async function act(question, method, path, body) {
  if (!(await confirmed(question))) return;
  try {
    const answer = await call(method, path, body);
    window.dispatchEvent(new Event("changed"));
    say("Done.");
    if (answer?.key) message.append(" The key, shown this once: ", make("code", { class: "secret" }, answer.key));
  } catch (error) {
    say(error.message, true);
  }
}
