import { $, make } from "./call.js"
import { me, whenChanged } from "./me.js"
import * as live from "./live.js"

const list = $("#key-list")
let before = new Map()
let deadlines = []

live.hear("hello", ({ handle }) => { if (!handle) show([]) })
live.hear("keys", show)

function show(keys) {
  const now = new Map()
  deadlines = []
  const first = before.size === 0
  list.replaceChildren(...keys.map((key) => {
    const left = make("span", { class: "left" })
    if (key.leftMs >= 0) deadlines.push({ left, at: performance.now() + key.leftMs })
    const rows = key.fields.map(({ name, value, says }) => {
      const id = `${key.name} ${name || value}`
      now.set(id, value)
      const row = make("tr", {}, make("th", { scope: "row" }, make("code", {}, name)), make("td", {}, make("code", {}, value)), make("td", { class: "says" }, says))
      if (!first && before.get(id) !== value) row.classList.add("changed")
      return row
    })
    const item = make("li", {}, make("div", { class: "head" }, make("code", {}, key.name), make("span", {}, key.says), left), make("table", {}, make("tbody", {}, ...rows)))
    now.set(key.name, "")
    if (!first && !before.has(key.name)) item.classList.add("new")
    return item
  }))
  before = now
  count()
}

function count() {
  for (const { left, at } of deadlines) {
    const seconds = Math.max(0, Math.round((at - performance.now()) / 1000))
    const text = seconds >= 60 ? `goes in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : `goes in ${seconds} s`
    if (left.textContent !== text) left.textContent = text
  }
}
setInterval(count, 250)
whenChanged(() => { if (!me.handle && live.handle === "") show([]) })
