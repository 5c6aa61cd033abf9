// What each place of the console shows. A view takes the rest of its address and returns elements.

import { Problem, call, id, rows } from "./api.js";
import { act } from "./actions.js";
import { button, facts, field, make, moment, table } from "./dom.js";

const link = (place, text) => make("a", { href: `#/${place}` }, text);
const user = (row) => (row.user ? link(`users/${id(row.user)}`, row.user) : "");
const organization = (row) => (row.organization ? link(`organizations/${id(row.organization)}`, row.organization) : "");

export async function state() {
  const now = await call("GET", "/v1/state");
  const problems = now.problems.map((text) => make("li", { class: "bad" }, text));
  const up = (value) => (value === null ? "not used" : value ? "up" : make("span", { class: "bad" }, "down"));
  return [
    make("h1", {}, "What is wrong right now"),
    problems.length ? make("ul", {}, problems) : make("p", { class: "good" }, "Nothing: everything that is asked answers."),
    facts([
      ["Workers", `${now.workers} of ${now.workers_wanted}`],
      ["Redis", up(now.redis)],
      ["Revocation bus", up(now.revocation_bus)],
    ]),
    table("Authorities", [["Name", (row) => row.name], ["State", (row) => up(row.up)]], now.authorities),
    table("Upstreams", [["Name", (row) => row.name], ["State", (row) => up(row.up)]], now.upstreams),
  ];
}

export async function users(key) {
  return key ? oneUser(key) : search("Find a user", "users", "Id, e-mail address or username", foundUsers);
}

async function foundUsers(text) {
  const [byId, byEmail, byName, all] = await Promise.all([
    text ? one(`/v1/users/${id(text)}`) : null,
    text ? rows("/v1/users", { email: text }) : [],
    text ? rows("/v1/users", { username: text }) : [],
    text ? [] : rows("/v1/users", { limit: 50 }),
  ]);
  const found = new Map([byId, ...byEmail, ...byName, ...all].filter(Boolean).map((row) => [row.id, row]));
  const columns = [
    ["User", (row) => link(`users/${id(row.id)}`, row.id)],
    ["Name", (row) => row.name ?? row.username],
    ["E-mail", (row) => row.email],
    ["Roles", (row) => row.roles ?? []],
  ];
  return table("Users", columns, [...found.values()]);
}

async function oneUser(key) {
  const [row, sessions, memberships] = await Promise.all([
    call("GET", `/v1/users/${id(key)}`),
    allowed("/v1/sessions", { user: key, live: "true" }),
    allowed("/v1/members", { user: key }),
  ]);
  const keys = (await Promise.all(memberships.map((each) => allowed("/v1/keys", { member: each.id })))).flat();
  const path = `/v1/users/${id(key)}/sessions`;
  return [
    make("h1", {}, row.name ?? row.username ?? row.id),
    facts([["Id", row.id], ["E-mail", row.email], ["Username", row.username], ["Roles", row.roles ?? []], ["Since", moment(row.created_at)]]),
    sessionTable(sessions),
    sessions.length ? button("End all sessions", () => act(`End every session of ${key}?`, "DELETE", path), true) : null,
    table("Organizations", [["Organization", organization], ["Role", (each) => each.role], ["Status", (each) => each.status]], memberships),
    keyTable(keys),
  ];
}

function sessionTable(sessions) {
  const columns = [
    ["Device", (row) => [row.device?.name ?? row.device?.type, row.device?.os_name].filter(Boolean).join(", ") || "unknown"],
    ["Address", (row) => row.login?.ip],
    ["Since", (row) => moment(row.created_at ?? row.login?.at)],
    ["Last active", (row) => moment(row.last_activity_at)],
    ["Session", (row) => make("code", {}, row.id)],
    ["", (row) => button("End", () => act(`End the session ${row.id}?`, "DELETE", `/v1/sessions/${id(row.id)}`), true)],
  ];
  return table("Sessions and devices", columns, sessions);
}

function keyTable(keys) {
  const rotate = (row) => act(`Make a new secret for ${row.name}? The old one is good for 24 hours more.`, "POST", `/v1/keys/${id(row.id)}/rotate`, { overlap: "24h" });
  const columns = [
    ["Key", (row) => row.name],
    ["Begins", (row) => make("code", {}, row.prefix)],
    ["Type", (row) => row.type],
    ["Member", (row) => row.member],
    ["Expires", (row) => moment(row.expires_at)],
    ["State", (row) => (row.deleted_at ? make("span", { class: "bad" }, "deleted") : "good")],
    ["", (row) => (row.deleted_at ? "" : [button("Rotate", () => rotate(row)), " ", button("Delete", () => act(`Delete the key ${row.name}?`, "DELETE", `/v1/keys/${id(row.id)}`), true)].map((each) => (each instanceof Node ? each : document.createTextNode(each))))],
  ];
  return table("API keys", columns, keys);
}

export async function organizations(key) {
  if (!key) return search("Organizations", "organizations", "Id; nothing shows the first", foundOrganizations);
  const [row, members, projects, keys] = await Promise.all([
    call("GET", `/v1/organizations/${id(key)}`),
    allowed("/v1/members", { organization: key }),
    allowed("/v1/projects", { organization: key }),
    allowed("/v1/keys", { organization: key }),
  ]);
  return [
    make("h1", {}, row.name ?? row.id),
    facts([["Id", row.id], ["Slug", row.slug], ["Plan", row.plan]]),
    table("Members", [["User", user], ["Name", (each) => each.name ?? each.email], ["Role", (each) => each.role], ["Status", (each) => each.status]], members),
    table("Projects", [["Project", (each) => each.name], ["Id", (each) => each.id]], projects),
    keyTable(keys),
  ];
}

async function foundOrganizations(text) {
  const found = text ? [await one(`/v1/organizations/${id(text)}`)].filter(Boolean) : await rows("/v1/organizations", { limit: 50 });
  return table("Organizations", [["Organization", (row) => link(`organizations/${id(row.id)}`, row.name ?? row.id)], ["Id", (row) => row.id]], found);
}

export async function keys() {
  return [make("h1", {}, "API keys"), keyTable(await rows("/v1/keys", { limit: 100 }))];
}

export async function routes() {
  const columns = [
    ["Route", (row) => row.name],
    ["Matches", (row) => make("code", {}, `${row.methods.join(" ")} ${row.host}${row.path}`.trim())],
    ["Access", (row) => row.access],
    ["Reads", (row) => row.credentials],
    ["Upstream", (row) => row.upstream],
    ["Overlaps", (row) => row.overlaps.map((each) => make("div", { class: "bad" }, each.detail))],
  ];
  return [make("h1", {}, "Routes, as loaded: the first that matches wins"), table("Routes", columns, (await call("GET", "/v1/routes")).rows)];
}

export async function explain() {
  const result = make("div", { "aria-live": "polite" });
  const ask = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const lines = form.get("headers").split("\n").filter((line) => line.includes(":"));
    const headers = lines.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]);
    const told = await call("POST", "/v1/explain", { method: form.get("method"), url: form.get("url"), headers });
    const decision = told.allowed ? make("span", { class: "good" }, "allowed") : make("span", { class: "bad" }, `refused, ${told.status} ${told.code}`);
    result.replaceChildren(
      facts([
        ["Decision", decision], ["Answered by", told.answered_by], ["Route", told.route], ["Rule", told.rule], ["Why", told.detail],
        ["Credential", told.credential && `${told.credential.kind}, read by ${told.credential.reader}`],
        ["Whose", told.credential?.subject], ["Upstream", told.upstream], ["Is sent", told.target && `${told.method} ${told.target}`],
      ]),
      table("Header fields that the upstream gets", [["Name", (row) => row[0]], ["Value", (row) => row[1]]], told.headers ?? []),
    );
  };
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"].map((name) => make("option", {}, name));
  const form = make("form", { onsubmit: ask },
    make("label", {}, "Method", make("select", { name: "method" }, methods)),
    field("Address or path", { name: "url", required: true, value: "/" }),
    field("Header fields, one a line", { name: "headers", spellcheck: "false" }, "textarea"),
    make("button", {}, "Explain"));
  return [make("h1", {}, "What would be decided about a request?"), form, result];
}

export async function revoke() {
  const ask = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    await act(`Revoke the ${form.get("kind").replace("_", " ")} ${form.get("id")} everywhere?`, "POST", "/v1/revocations", { [form.get("kind")]: form.get("id") });
  };
  const kinds = ["session", "user", "api_key", "organization"].map((kind) => make("option", {}, kind));
  const form = make("form", { onsubmit: ask },
    make("label", {}, "Kind", make("select", { name: "kind" }, kinds)),
    field("Id", { name: "id", required: true }),
    make("button", { class: "danger" }, "Revoke"));
  const past = (await call("GET", "/v1/revocations")).rows.reverse();
  const columns = [["Kind", (row) => row.kind], ["Id", (row) => row.id], ["When", (row) => moment(new Date(row.at * 1000).toISOString())]];
  return [make("h1", {}, "Revoke"), form, table("Remembered by this gateway", columns, past)];
}

export async function audit() {
  const columns = [
    ["When", (row) => moment(row.at)],
    ["What", (row) => `${row.kind} ${row.operation}`],
    ["Id", (row) => row.id],
    ["Who", (row) => row.user ?? row.credential ?? row.by],
    ["From", (row) => row.client],
  ];
  return [make("h1", {}, "Audit"), table("Changes, the newest first", columns, await rows("/v1/audit", { limit: 100 }))];
}

// What somebody may not see is left out of a page that shows more.
async function allowed(path, query) {
  try {
    return await rows(path, query);
  } catch (error) {
    if (error instanceof Problem && [403, 404].includes(error.status)) return [];
    throw error;
  }
}

async function one(path) {
  try {
    return await call("GET", path);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

async function search(title, place, label, find) {
  const result = make("div", { "aria-live": "polite" });
  const ask = async (event) => {
    event?.preventDefault();
    result.replaceChildren(await find(event ? new FormData(event.target).get("text").trim() : ""));
  };
  await ask();
  const form = make("form", { role: "search", onsubmit: ask }, field(label, { name: "text", type: "search" }), make("button", {}, "Find"));
  return [make("h1", {}, title), form, result];
}
