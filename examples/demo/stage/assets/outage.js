import { $, call, during, seconds, sleep } from "./call.js"
import { Lanes } from "./lanes.js"
import { ensure, there } from "./me.js"
import * as live from "./live.js"

const away = 3000
const root = $("#outage-lanes")
const lanes = new Lanes(root, 5000)
const modes = ["error", "silent", "retry"]
const track = (mode) => $(`[data-mode=${mode}] .track`, root)
const screen = (mode) => $(`.window[data-mode=${mode}]`)

function show(mode, face, small, state = "") {
  screen(mode).className = `window ${state}`
  $(".face-line", screen(mode)).textContent = face
  $(".small-line", screen(mode)).textContent = small
}

// visit sends a request, and shows what a visitor would see.
async function visit(mode) {
  const bar = lanes.add(track(mode))
  show(mode, "Loading", "", "busy")
  const { status, ok, data } = await call(`/demo/mode/${mode}`, {})
  bar.enter()
  bar.leave()
  const took = bar.out - bar.from < 100 ? "at once" : `after ${seconds(bar.out - bar.from)}`
  if (!ok) {
    bar.hold.classList.add("failed")
    show(mode, `${status} – please try again`, `${took}; the cookie stays, nothing is lost`, "failed")
  } else if (data.detached) {
    show(mode, "Hello, visitor", `${took}: an empty session, never saved`)
  } else {
    show(mode, `Hello again, visit ${data.visits}`, `${took}: as if nothing had happened`)
  }
}

// gone draws since when Redis is away.
let gone = []
function back() { gone.forEach((bar) => bar.leave()); gone = [] }
live.hear("hello", ({ redis }) => { if (redis) back() }) // a stream that is new has missed it
live.hear("redis", (now) => {
  const again = gone.length > 0 // somebody else has taken it away, while it was
  back()
  if (now) return
  if (!again && !lanes.running()) lanes.start()
  gone = modes.map((mode) => { const bar = lanes.add(track(mode), "gone"); bar.enter(); return bar })
})

during($("#outage-go"), async () => {
  await ensure()
  lanes.start()
  modes.forEach((mode) => show(mode, "–", ""))
  await call("/demo/redis", { off: `${away}ms` })
  await sleep(500)
  await Promise.all(modes.map(visit))
})

$("#outage-switch").addEventListener("click", async () => {
  if (there) { await ensure(); await call("/demo/redis", { off: "30s" }); modes.forEach(visit) } else { await call("/demo/redis", {}) }
})
