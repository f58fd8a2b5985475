"""What a person sees and hears of a page: what is cut off, too small for a thumb or unnamed, and errors."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

# What axe checks: WCAG 2.2, levels A and AA, and what its authors think good practice (headings, landmarks).
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# All that another color scheme can change.
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

_MEASURE = """() => {
  const name = (e) => `${e.tagName.toLowerCase()}.${e.className} ${(e.innerText || e.ariaLabel || "").slice(0, 40)}`;
  const seen = (e) => e.checkVisibility({ checkVisibilityCSS: true }) && e.getBoundingClientRect().width > 1;
  const wide = [...document.querySelectorAll("main, .card, .clip, td, th, dialog[open], nav")]
    .filter((e) => seen(e) && !/auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1);
  if (document.documentElement.scrollWidth > innerWidth) wide.push(document.documentElement);
  // A link inside of a sentence is as high as its line, and a row's link takes the whole row.
  const target = (e) => e.classList.contains("row-link") ? e.closest("tr") : e.closest("label") ?? e;
  const inline = (e) => getComputedStyle(e).display === "inline" && !e.classList.contains("row-link");
  const small = [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea, summary")]
    .filter((e) => seen(e) && !inline(e) && !e.matches(".skip, .template-text *"))
    .filter((e) => { const box = target(e).getBoundingClientRect(); return box.height < 40 || box.width < 40; });
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) < at);
  return { twice, cut: wide.map(name), small: matchMedia("(pointer: coarse)").matches ? small.map(name) : [] };
}"""


def faults(page: Page, rules: dict[str, Any] = RULES) -> list[str]:
    """Everything that is wrong with the page as it stands; targets are measured where a thumb points."""
    measured: dict[str, list[str]] = page.evaluate(_MEASURE)
    said = [f"{kind}: {one}" for kind, names in measured.items() for one in names]
    violations: list[dict[str, Any]] = Axe().run(page, options=rules).response["violations"]
    return said + [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in violations]


def listen(context: BrowserContext) -> list[str]:
    """A list that fills with the errors and warnings of the context's pages."""
    heard: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    context.on("console", note)
    context.on("weberror", lambda error: heard.append(str(error.error)))
    return heard
