// The console: which place the address names, and who may see it.

import { say } from "./actions.js";
import { Problem, token } from "./api.js";
import { field, make } from "./dom.js";
import * as views from "./views.js";

const main = document.getElementById("main");
const leave = document.getElementById("leave");
let turn = 0;

async function show() {
  const mine = ++turn;
  const [place = "state", ...rest] = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  for (const each of document.querySelectorAll("nav a")) {
    if (each.getAttribute("href") === `#/${place}`) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  leave.hidden = !token.get();
  let shown;
  try {
    const view = Object.hasOwn(views, place) ? views[place] : views.state;
    shown = await view(...rest.map(decodeURIComponent));
  } catch (error) {
    shown = failed(error);
  }
  if (mine !== turn) return;
  const inside = main.contains(document.activeElement);
  main.replaceChildren(...shown.filter(Boolean));
  if (inside) main.focus();
  document.title = `${main.querySelector("h1")?.textContent ?? "Console"} – Session gateway`;
}

function failed(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status !== 401) return [make("h1", {}, "That did not work"), make("p", { class: "bad" }, error.message)];
  const enter = (event) => {
    event.preventDefault();
    token.set(new FormData(event.target).get("token"));
    say("");
    show();
  };
  const input = { name: "token", type: "password", required: true, autocomplete: "current-password" };
  const wrong = token.get() ? make("p", { class: "bad", role: "alert" }, "That token is not good.") : null;
  return [make("h1", {}, "Who is there?"), wrong, make("form", { onsubmit: enter }, field("Admin token", input), make("button", {}, "Enter"))];
}

leave.addEventListener("click", () => {
  token.forget();
  location.hash = "#/state";
  show();
});
window.addEventListener("hashchange", async () => {
  say("");
  await show();
  main.focus();
});
window.addEventListener("changed", show);
window.addEventListener("unhandledrejection", (event) => say(event.reason?.message ?? "That did not work", true));
show();
