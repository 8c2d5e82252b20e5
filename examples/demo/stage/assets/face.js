// draw paints a fingerprint: a picture of five by five squares that is another for another secret.
export function draw(into, fingerprint) {
  if (into.dataset.of === fingerprint) return
  into.dataset.of = fingerprint
  into.replaceChildren()
  if (!fingerprint) return
  const svg = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
    return made
  }
  const bits = BigInt("0x" + fingerprint)
  const hue = Number(bits % 360n)
  const picture = svg("svg", { viewBox: "0 0 5 5", role: "img", "aria-label": `fingerprint ${fingerprint.slice(0, 4)}` })
  picture.append(svg("rect", { width: 5, height: 5, fill: `hsl(${hue} 45% 90%)` }))
  for (let i = 0n; i < 15n; i++) {
    if (((bits >> (i + 9n)) & 1n) === 0n) continue
    const x = Number(i % 3n), y = Number(i / 3n)
    for (const column of new Set([x, 4 - x])) {
      picture.append(svg("rect", { x: column, y, width: 1.02, height: 1.02, fill: `hsl(${hue} 55% 38%)` }))
    }
  }
  into.append(picture)
}
