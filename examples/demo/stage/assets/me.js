import { $, make, on } from "./call.js"
import * as live from "./live.js"
import { draw } from "./face.js"

// What the servers know of this browser. Redis being away leaves it as it was.
export const me = { handle: "", fingerprint: "", user: "", devices: [], whyOut: "" }
export let there = true // Redis

const changed = []
export function whenChanged(f) { changed.push(f) }

let latest = null

// refresh asks anew. Whoever awaits it has what the latest request brings.
export function refresh() {
  if (!there) return latest
  const mine = on("chi", "/demo/state").then((answer) => mine === latest ? take(answer) : latest)
  return latest = mine
}

function take({ ok, data }) {
  if (!ok) return
  const before = { ...me }
  Object.assign(me, data)
  live.follow(me.handle)
  $("#me-text").textContent = me.handle ? `${me.user || "visitor"} · ${me.handle.slice(0, 6)}…` : "no session yet"
  draw($("#me-face"), me.fingerprint)
  for (const e of document.querySelectorAll("[data-handle]")) e.textContent = me.handle || "HANDLE"
  for (const e of document.querySelectorAll("[data-user]")) e.textContent = me.user || "ann"
  if (me.whyOut) tellOut(me.whyOut)
  if (before.handle && before.handle !== me.handle) for (const e of document.querySelectorAll(".result")) e.textContent = "" // it was about another
  for (const f of changed) f(before)
}

// ensure makes a session where there is none: a visitor who has nothing has none, and so nothing to lock.
export async function ensure() {
  if (me.handle) return
  await on("chi", "/demo/visit", {})
  await refresh()
}

const why = {
  operator: "You were logged out by somebody in another window, or by an operator.",
  replaced: "You were logged out, because somebody signed in with this name elsewhere.",
}

export function tellOut(reason) {
  if (!why[reason]) return
  const dismiss = make("button", { type: "button", class: "quiet small" }, "OK")
  dismiss.addEventListener("click", () => { $("#told").hidden = true; $("#main").focus() })
  $("#told").replaceChildren(make("p", { class: "row" }, make("strong", {}, why[reason]), ` berth knows why: “${reason}”. `, dismiss))
  $("#told").hidden = false
}

live.hear("hello", ({ redis }) => { setRedis(redis); refresh() })
live.hear("redis", setRedis)
live.hear("people", refresh)
live.hear("over", ({ reason }) => { tellOut(reason); refresh() })

function setRedis(now) {
  const was = there
  there = now
  $("#redis-pill").classList.toggle("away", !there)
  $("#redis-text").textContent = there ? "Redis is there" : "Redis is away"
  $("#outage-switch").setAttribute("aria-checked", String(there))
  if (there && !was) refresh()
}
