import { $, during, make, on, sleep } from "./call.js"
import { chips } from "./cart.js"
import { ensure, me, refresh } from "./me.js"
import * as live from "./live.js"

const list = $("#end-list")
const why = {
  expired: "nobody used it", abandoned: "signed out", operator: "logged out from elsewhere", replaced: "a newer sign-in", lifetime: "too old", unknown: "unknown",
}
const known = new Set()

live.hear("end", (end) => {
  if (known.has(end.handle + end.at)) return
  known.add(end.handle + end.at)
  const cart = make("ul", { class: "items" }, ...chips(end.items ?? []))
  const line = make("li", { class: "new" }, make("strong", {}, end.user || "a visitor"), make("code", {}, `${end.handle.slice(0, 8)}…`),
    end.items?.length ? cart : make("span", { class: "empty" }, "nothing in the cart"),
    make("span", { class: "why" }, `${why[end.reason] ?? end.reason} · ${new Date(end.at).toLocaleTimeString()}`))
  list.prepend(line)
  while (list.children.length > 6) list.lastChild.remove()
  refresh()
})

during($("#short"), async () => {
  await ensure()
  const { ok, status, data } = await on("echo", "/demo/short", {})
  $("#ends-said").textContent = ok ? "" : `The server answers ${status}: nothing has changed.`
  if (!ok) return
  const clock = $("#countdown"), run = $(".run", clock), text = $("span", clock), handle = me.handle
  clock.hidden = false
  for (const until = performance.now() + data; performance.now() < until; await sleep(100)) {
    const left = until - performance.now()
    run.style.strokeDashoffset = String(100 - left / data * 100)
    text.textContent = `${Math.ceil(left / 1000)} s, if nobody uses it`
    if (me.handle !== handle) break
  }
  clock.hidden = true
})
