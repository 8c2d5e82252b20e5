package browsertest

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// schemes are the colours that people choose.
var schemes = []string{"light", "dark"}

func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	})
}

// Narrow fails the test if a phone has to scroll sideways.
func (b *Browser) Narrow() {
	b.t.Helper()
	var wide bool
	b.Do(chromedp.EmulateViewport(360, 800),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide),
		chromedp.EmulateViewport(1280, 800))
	if wide {
		b.t.Errorf("a page is wider than a phone")
	}
}

// Shoot leaves pictures of the whole page, if somebody wants them.
func (b *Browser) Shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, colours := range schemes {
		for device, width := range map[string]int64{"desktop": 1280, "phone": 375} {
			var picture []byte
			b.Do(
				chromedp.EmulateViewport(width, 800),
				scheme(colours),
				chromedp.Evaluate(`scrollTo(0, 0)`, nil),
				chromedp.FullScreenshot(&picture, 100),
			)
			if err := os.WriteFile(filepath.Join(dir, name+"-"+device+"-"+colours+".png"), picture, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.Do(chromedp.EmulateViewport(1280, 800), emulation.SetEmulatedMedia())
}

// Picture leaves one picture of the top of the page, light.
func (b *Browser) Picture(file string, width, height int64) {
	b.t.Helper()
	var picture []byte
	b.Do(chromedp.EmulateViewport(width, height), scheme("light"), chromedp.Evaluate(`document.activeElement.blur(); scrollTo(0, 0)`, nil),
		chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// Contrast fails the test if a text is hard to read: less than 4.5 times as bright or dark as what is behind it.
func (b *Browser) Contrast() {
	b.t.Helper()
	for _, colours := range schemes {
		var faint []string
		b.Do(scheme(colours), chromedp.Evaluate(contrast, &faint))
		if len(faint) > 0 {
			b.t.Errorf("%s: hard to read: %s", colours, strings.Join(faint, "; "))
		}
	}
	b.Do(emulation.SetEmulatedMedia())
}

// contrast lists the texts that are hard to read, by WCAG's formula. It draws colours, to get their numbers
// whatever their notation.
const contrast = `(() => {
	const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true })
	const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data }
	const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 200) return c } return [255, 255, 255] }
	const faint = new Set()
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement
		if (!texts.currentNode.data.trim() || !e.checkVisibility()) continue
		const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(behind(e))].sort((x, y) => y - x)
		if ((a + .05) / (b + .05) < 4.5) faint.add(e.tagName + "." + e.className + " " + texts.currentNode.data.trim().slice(0, 30))
	}
	return [...faint]
})()`
