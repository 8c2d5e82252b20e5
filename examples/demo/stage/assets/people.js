import { $, during, make, on } from "./call.js"
import { draw } from "./face.js"
import { me, refresh, whenChanged } from "./me.js"

const user = $("#user")
user.value = new URLSearchParams(location.search).get("user")?.slice(0, 40) || user.value

const said = $("#people-said"), devicesSaid = $("#devices-said")

// change sends a request after which the secret is another, and shows what has changed.
async function change(path, form, text) {
  const before = { ...me }
  const { ok, status } = await on("gin", path, form)
  if (!ok) { said.textContent = `The server answers ${status}: nothing has changed.`; return }
  await refresh()
  const stays = before.handle && before.handle === me.handle
  draw($("#face-old"), stays ? before.fingerprint : "")
  $("#face-arrow").hidden = !stays
  $("#handle-verdict").textContent = stays ? "stays" : ""
  $("#secret-verdict").textContent = !stays ? "" : before.fingerprint === me.fingerprint ? "stays" : "changes"
  said.textContent = text(before)
}

$("#signin").addEventListener("submit", async (event) => {
  event.preventDefault()
  if (!me.handle) { await on("gin", "/demo/visit", {}); await refresh() }
  await change("/demo/signin", { user: user.value, device: nameOf() }, (before) => before.user === me.user ? `You are ${me.user} already, so the secret stays.` : `You are ${me.user} now.`)
  $("#told").hidden = true
})
during($("#rotate"), () => me.handle ? change("/rotate", {}, () => "The old secret opens nothing any more.") : tellNone())
during($("#signout"), () => me.handle ? change("/logout", {}, () => "Signed out. The session is gone, cart and all.") : tellNone())

function tellNone() { said.textContent = "There is no session yet: put something into the cart, or sign in." }

function nameOf() {
  const system = /Android|iPhone|iPad|Mac|Windows|Linux/.exec(navigator.userAgent)?.[0] ?? "a browser"
  return `${system}, at ${location.hostname}`
}

// A cookie belongs to a host name. So the other name of this machine is another browser, as far as cookies go.
const other = { "127.0.0.1": "localhost", localhost: "127.0.0.1" }[location.hostname]
const second = $("#second")
if (other) {
  whenChanged(() => { second.href = `${location.protocol}//${other}:${location.port}/?user=${encodeURIComponent(me.user || user.value)}#people` })
} else {
  second.replaceWith(make("p", { class: "note" }, "Open this page in a private window too: that is a second browser."))
}

during($("#others"), async () => {
  if (!me.user) { devicesSaid.textContent = "Sign in first."; return }
  const { ok, data, status } = await on("fiber", "/demo/others", {})
  devicesSaid.textContent = !ok ? `The server answers ${status}.` : data === 1 ? "One other is logged out. Look at its window." : `${data} others are logged out.`
  await refresh()
})

whenChanged(() => {
  $("#handle").textContent = me.handle || "none yet"
  draw($("#face-new"), me.fingerprint)
  if (!me.handle) { draw($("#face-old"), ""); $("#face-arrow").hidden = true; $("#handle-verdict").textContent = $("#secret-verdict").textContent = "" }
  $("#device-none").textContent = "Sign in first: then your devices are here."
  $("#device-list").replaceChildren(...me.devices.map((device) => {
    const line = make("li", {}, make("strong", {}, device.name), make("code", {}, `${device.handle.slice(0, 8)}…`))
    if (device.this) line.append(make("span", { class: "tag" }, "this one"))
    line.append(make("span", { class: "when" }, device.idleMs < 2000 ? "active now" : `last seen ${Math.round(device.idleMs / 1000)} s ago`))
    return line
  }))
})
