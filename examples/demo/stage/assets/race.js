import { $, call, during, frameworks, on } from "./call.js"
import { Lanes } from "./lanes.js"
import { ensure } from "./me.js"

const times = 20

// Both are sent the same requests. The first of the paths begins at 0.
const sides = {
  berth: { visit: () => on("chi", "/demo/visit", {}), click: (i) => on(frameworks[i % frameworks.length], "/demo/click", {}), read: () => on("chi", "/demo/clicks") },
  scs: { visit: () => call("/demo/scs/visit", {}), click: () => call("/demo/scs/click", {}), read: () => call("/demo/scs/clicks") },
}

const panels = {}
for (const name of Object.keys(sides)) {
  const panel = $(`#race-${name}`), lines = $(".lines", panel)
  const tracks = Array.from({ length: times }, () => lines.appendChild(Object.assign(document.createElement("div"), { className: "track" })))
  panels[name] = { panel, tracks, lanes: new Lanes(lines, 1000) }
}

async function run(name) {
  const { panel, tracks, lanes } = panels[name], side = sides[name]
  const n = $(".n", panel)
  if (!(await side.visit()).ok) return null
  lanes.start()
  const seen = new Set(), answers = []
  await Promise.all(tracks.map(async (track, i) => {
    const bar = lanes.add(track)
    const { ok, data } = await side.click(i)
    const now = performance.now()
    bar.leave(now)
    if (!ok) { bar.hold.classList.add("failed"); return }
    answers.push({ bar, now, ...data })
    if (seen.has(data.n)) bar.hold.classList.add("overwritten")
    seen.add(data.n)
    n.textContent = Math.max(...seen)
  }))
  // The server's times are exact, and only its clock is another: no answer comes before it was sent.
  const clock = Math.min(...answers.map(({ now, to }) => now - to))
  for (const { bar, from, to } of answers) { bar.in = Math.max(bar.from, from + clock); bar.out = Math.max(bar.in, to + clock) }
  lanes.draw()
  const { ok, data } = await side.read()
  if (!ok) return null
  n.textContent = data
  return { counted: data, refused: times - answers.length }
}

// judge says how many clicks are lost. One that was answered with an error is not: its visitor knows.
function judge(name, done) {
  const { panel } = panels[name], lost = $(".lost", panel)
  if (!done) $(".n", panel).textContent = "–"
  const missing = done ? Math.max(0, times - done.refused - done.counted) : 0
  const said = !done ? "no answer" : missing === 0 ? "none is lost" : missing === 1 ? "1 is lost" : `${missing} are lost`
  lost.textContent = done?.refused ? `${said}, ${done.refused} met an error` : said
  lost.className = `lost ${done && missing === 0 ? "none" : "some"}`
}

during($("#race-go"), async () => {
  for (const name of Object.keys(sides)) {
    $(".n", panels[name].panel).textContent = "0"
    $(".lost", panels[name].panel).textContent = ""
    panels[name].lanes.start()
  }
  await ensure()
  for (const name of Object.keys(sides)) judge(name, await run(name))
})
