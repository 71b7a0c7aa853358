/** The tab of this page is in sight, also where a bar is wider than the screen. */
export function tabs() {
  for (const current of document.querySelectorAll(".tabbar a[aria-current], .subtabs a[aria-current]"))
    current.scrollIntoView({ block: "nearest", inline: "center" });
}
