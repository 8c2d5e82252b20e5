// Lanes draws requests as bars over time: first they wait, then they have the session.
export class Lanes {
  constructor(root, span) {
    this.root = root
    this.least = span
    this.bars = []
    this.zero = null
  }

  // start begins at the left again.
  start() {
    for (const bar of this.bars) { bar.wait.remove(); bar.hold.remove() }
    this.bars = []
    this.span = this.least
    this.zero = performance.now()
    this.draw()
  }

  // running tells whether a bar still grows.
  running() { return this.bars.some((bar) => bar.out === null) }

  // add begins a bar in a track. It waits until enter is called, and ends with leave.
  add(track, kind = "hold") {
    if (this.zero === null) this.start()
    const part = (name) => track.appendChild(Object.assign(document.createElement("div"), { className: `bar ${name}` }))
    const bar = { from: performance.now(), in: null, out: null, wait: part("wait"), hold: part(kind) }
    bar.enter = (at = performance.now()) => { bar.in ??= Math.max(bar.from, at) }
    bar.leave = (at = performance.now()) => { bar.enter(at); bar.out ??= Math.max(bar.in, at); this.draw() }
    bar.say = (text) => bar.hold.replaceChildren(Object.assign(document.createElement("span"), { className: "said", textContent: text }))
    this.bars.push(bar)
    this.draw()
    return bar
  }

  draw() {
    const now = performance.now()
    this.span = Math.max(this.span, ...this.bars.map((bar) => ((bar.out ?? now) - this.zero) * 1.02))
    this.root.style.setProperty("--second", `${100000 / this.span}%`)
    const place = (part, from, to) => {
      part.hidden = from === null
      if (from === null) return
      part.style.left = `${(from - this.zero) / this.span * 100}%`
      part.style.width = `${Math.max(to - from, this.span / 250) / this.span * 100}%`
    }
    for (const bar of this.bars) {
      const entered = bar.in ?? bar.out ?? now
      place(bar.wait, entered - bar.from > this.span / 60 ? bar.from : null, entered) // less is the way there
      place(bar.hold, bar.in, bar.out ?? now)
    }
    if (this.running() && !this.waiting) {
      this.waiting = true
      requestAnimationFrame(() => { this.waiting = false; this.draw() })
    }
  }
}
