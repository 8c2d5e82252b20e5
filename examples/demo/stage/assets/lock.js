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
  const { ok } = await on(framework, "/demo/hold", { ms, id })
  drawn.delete(id)
  bar.enter(performance.now() - ms) // if the stream has missed it
  if (!ok) bar.hold.classList.add("failed")
  bar.leave()
  return bar
}

async function read(framework) {
  const bar = lanes.add(track(framework), "read")
  await on(framework, "/demo/cart")
  bar.in = bar.from
  bar.leave()
  return bar.out - bar.from
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
  const took = await read(reader)
  const [holder, waiter, after] = await Promise.all([holds, writes, last])
  const gap = waiter.entered && holder.left ? Math.max(1, Math.round(waiter.entered - holder.left)) : null
  const said = [`${second} waited ${seconds(waiter.in - waiter.from)}`]
  if (gap !== null) said.push(`and went on ${gap} ms after ${first} was done`)
  $("#lock-said").textContent = `${said.join(" ")}. ${third} waited ${seconds(after.in - after.from)}. ${reader} read at once, in ${Math.round(took)} ms.`
})

for (const framework of frameworks) {
  $(`[data-framework=${framework}] button`, root).addEventListener("click", async () => {
    await ensure()
    if (!lanes.running()) lanes.start()
    const bar = await hold(framework, 500)
    $("#lock-said").textContent = `${framework} waited ${seconds(bar.in - bar.from)}.`
  })
}
