// call sends a request of the visitor to one of the servers. It returns the status, the JSON, and how long it took.
export async function call(path, form) {
  const began = performance.now()
  const options = { headers: { Accept: "application/json" }, cache: "no-store" }
  if (form) Object.assign(options, { method: "POST", body: new URLSearchParams(form) })
  let status = 0, data = null
  try {
    const response = await fetch(path, options)
    status = response.status
    const text = await response.text()
    try { data = JSON.parse(text) } catch { data = text.trim() || null }
  } catch {
    // The demo has ended, or the page is being left.
  }
  return { status, ok: status >= 200 && status < 300, data, took: performance.now() - began }
}

export const on = (framework, path, form) => call(`/on/${framework}${path}`, form)

export const frameworks = [...document.querySelectorAll("#cart [data-framework]")].map((e) => e.dataset.framework)

export const $ = (selector, within = document) => within.querySelector(selector)

// make returns an element with a text or children.
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

// during runs a story once at a time, and shows on its button that it runs. The button keeps the focus.
export function during(button, story) {
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return
    button.setAttribute("aria-disabled", "true")
    try { await story() } finally { button.removeAttribute("aria-disabled") }
  })
}
