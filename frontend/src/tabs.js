/** The tab of this page is in sight, also where the bar is wider than the screen. */
export function tabs() {
  const current = document.querySelector('.tabbar a[aria-current="page"]');
  current?.scrollIntoView({ block: "nearest", inline: "center" });
}
