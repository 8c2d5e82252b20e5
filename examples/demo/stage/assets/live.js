// The stream of events. It ends with the session, and when the cookie changes: the browser then opens another.
const heard = new EventTarget()
let source = null

export let handle = null // of the session that the stream is about

export function hear(name, f) { heard.addEventListener(name, (event) => f(event.detail)) }

export function open() {
  source?.close()
  const opened = source = new EventSource("/demo/events")
  source.addEventListener("error", () => { if (opened === source && opened.readyState === EventSource.CLOSED) setTimeout(open, 1000) })
  for (const name of ["hello", "saved", "phase", "redis", "people", "end", "keys", "over"]) {
    source.addEventListener(name, (event) => {
      const data = JSON.parse(event.data)
      if (name === "hello") handle = data.handle
      heard.dispatchEvent(new CustomEvent(name, { detail: data }))
    })
  }
}

// follow has the stream be about this session.
export function follow(now) { if (handle !== null && now !== handle) open() }

addEventListener("pagehide", () => source?.close())
addEventListener("pageshow", (event) => { if (event.persisted) open() })
