import { $, frameworks, make, on } from "./call.js"
import * as live from "./live.js"
import { me, refresh, there, whenChanged } from "./me.js"

const fruits = ["apple", "pear", "plum", "fig", "cherry", "lemon"]
const shown = 9

export function chips(items, before = items.length) {
  const some = items.slice(-shown).map((item, i) => {
    const chip = make("li", { class: "item", "data-item": item }, item)
    if (i + Math.max(0, items.length - shown) >= before) chip.classList.add("new")
    return chip
  })
  if (items.length > shown) some.unshift(make("li", { class: "item" }, `and ${items.length - shown} more`))
  return some
}

const carts = new Map()

// look asks every server for the cart.
async function look() {
  if (!there) return
  await Promise.all(frameworks.map(async (framework) => {
    const { ok, data } = await on(framework, "/demo/cart")
    if (!ok) return
    const before = carts.get(framework)
    carts.set(framework, data.items.length)
    $(`[data-framework=${framework}] .items`).replaceChildren(...chips(data.items, before))
  }))
}

frameworks.forEach((framework, i) => {
  const fruit = fruits[i % fruits.length]
  const button = $(`#cart [data-framework=${framework}] .add`)
  button.textContent = `Add ${/^[aeiou]/.test(fruit) ? "an" : "a"} ${fruit}`
  button.setAttribute("aria-label", `${button.textContent} with ${framework}`)
  button.addEventListener("click", async () => {
    const { ok, status, data } = await on(framework, "/cart/add", { item: fruit })
    if (!me.handle) await refresh()
    await look()
    $("#cart-said").textContent = ok ? `${framework} put in ${fruit}: all six have ${data.count} now.` : `${framework} answers ${status}: nothing was put in.`
  })
})

live.hear("saved", (keys) => { if (keys.includes("cart")) look() })
let of = null
whenChanged(() => { const now = me.handle + me.user; if (now !== of) { of = now; look() } })
