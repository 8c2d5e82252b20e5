import { $, frameworks, on, seconds, sleep, during } from "./call.js"
import { Lanes } from "./lanes.js"
import { ensure } from "./me.js"
import * as live from "./live.js"

const root = $("#lock-lanes")
const lanes = new Lanes(root, 5000)
const track = (framework) => $(`[data-framework=${framework}] .track`, root)
const drawn = new Map() // the requests that run, by ID
let next = 0

live.hear("phase", ({ id, in: entered, at }) => {
  const bar = drawn.get(id)
  if (!bar) return
  if (entered) { bar.enter(); bar.entered = at } else { bar.left = at }
})

// hold has a server hold the session for a while. It returns the bar when the server has answered.
async function hold(framework, ms) {
  const id = `${Date.now()}-${next++}`
  const bar = lanes.add(track(framework))
  drawn.set(id, bar)
  const { ok, status } = await on(framework, "/demo/hold", { ms, id })
  drawn.delete(id)
  if (ok) bar.enter(performance.now() - ms) // if the stream has missed it
  else bar.hold.classList.add("failed")
  bar.leave()
  bar.says = ok ? `${framework} waited ${seconds(bar.in - bar.from)}` : `${framework} answers ${status}`
  return bar
}

async function read(framework) {
  const bar = lanes.add(track(framework), "read")
  const { ok, status } = await on(framework, "/demo/cart")
  bar.in = bar.from
  bar.leave()
  if (!ok) bar.hold.classList.add("failed")
  bar.failed = ok ? "" : `answers ${status}`
  return bar
}

during($("#lock-go"), async () => {
  await ensure()
  lanes.start()
  $("#lock-said").textContent = ""
  const [first, second, third, reader] = ["chi", "gin", "fiber3", "echo5"]
  const holds = hold(first, 3000)
  await sleep(500)
  const writes = hold(second, 500)
  await sleep(500)
  const last = hold(third, 500)
  await sleep(500)
  const reads = await read(reader)
  const [holder, waiter, after] = await Promise.all([holds, writes, last])
  const alone = lanes.bars.length === 4 // else others may have gone on before
  const gap = alone && waiter.entered && holder.left ? Math.max(1, Math.round(waiter.entered - holder.left)) : null
  const said = [waiter.says]
  if (gap !== null) said.push(`and went on ${gap} ms after ${first} was done`)
  const took = `${Math.round(reads.out - reads.from)} ms`
  // A browser has six connections to a server. If others have them all, it sends the read later.
  const how = reads.failed || (reads.out < holder.out ? `read at once, in ${took}` : `had its answer after ${took}, as your browser was busy with the others`)
  $("#lock-said").textContent = `${said.join(" ")}. ${after.says}. ${reader} ${how}.`
})

for (const framework of frameworks) {
  $(`[data-framework=${framework}] button`, root).addEventListener("click", async () => {
    await ensure()
    if (!lanes.running()) lanes.start()
    const bar = await hold(framework, 500)
    $("#lock-said").textContent = `${bar.says}.`
  })
}
