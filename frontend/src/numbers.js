import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./numbers.css";
import { tips } from "./numbers/tips.js";
import { Chart } from "./numbers/chart.js";

// Loaded on Numbers only. What is drawn stands in a table of the page: who has no script reads that.
document.addEventListener("DOMContentLoaded", () => {
  tips();
  const charts = [...document.querySelectorAll("[data-chart]")].map((place) => new Chart(place, uPlot));
  const again = () => charts.forEach((chart) => chart.draw());
  again();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
});
