const BAR = [0.72, 44];
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const STEPS = [1, 2, 5, 10, 20, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY];

/** One chart over the columns of a table: bars that stand on each other, or lines. */
export class Chart {
  constructor(place, uPlot) {
    this.place = place;
    this.uPlot = uPlot;
    this.canvas = place.querySelector("[data-canvas]");
    this.said = place.querySelector("[data-said]");
    this.read(document.getElementById(place.dataset.table));
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.canvas);
  }

  /** The names, the addresses and the values of the table's rows. */
  read(table) {
    const rows = [...table.tBodies[0].rows];
    const heads = [...table.tHead.rows[0].cells];
    this.labels = rows.map((row) => row.cells[0].textContent.trim());
    this.links = rows.map((row) => row.cells[0].querySelector("a")?.href);
    this.columns = this.canvas.dataset.columns.split(" ").map((name) => {
      const at = heads.findIndex((head) => head.dataset.column === name);
      return {
        title: heads[at].textContent.trim(),
        values: rows.map((row) => (row.cells[at].dataset.value === "" ? null : Number(row.cells[at].dataset.value))),
        words: rows.map((row) => row.cells[at].textContent.trim()),
      };
    });
  }

  size() {
    return { width: Math.max(160, Math.floor(this.canvas.clientWidth)), height: this.canvas.clientHeight };
  }

  draw() {
    this.plot?.destroy();
    const colours = this.colours();
    const isStack = this.place.dataset.chart === "stack";
    const data = isStack ? this.stacked() : this.columns.map((column) => column.values);
    const series = isStack ? this.bars(colours) : this.lines(colours);
    this.plot = new this.uPlot(
      {
        ...this.size(),
        series: [{}, ...series],
        scales: {
          x: { time: false, range: [-0.6, this.labels.length - 0.4] },
          y: { range: (_plot, _low, high) => [0, this.top(high || 1)] },
        },
        axes: [this.below(colours), this.beside(colours)],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        hooks: { setCursor: [(plot) => this.tell(plot.cursor.idx)] },
      },
      [this.labels.map((_label, at) => at), ...data],
      this.canvas,
    );
    this.plot.over.addEventListener("click", () => this.open(this.plot.cursor.idx));
  }

  /** Each column on top of those after it: the tallest is drawn first, the last one's own is in front. */
  stacked() {
    return this.columns.map((_column, at) =>
      this.labels.map((_label, row) => this.columns.slice(0, this.columns.length - at)
        .reduce((sum, column) => sum + (column.values[row] ?? 0), 0) || null),
    );
  }

  bars(colours) {
    const looks = [() => colours.strong, () => hatched(colours), () => colours.paper];
    return this.columns.map((_column, at) => ({
      stroke: colours.strong,
      width: 1.5,
      fill: looks[this.columns.length - 1 - at],
      paths: this.uPlot.paths.bars({ size: BAR }),
      points: { show: false },
    }));
  }

  lines(colours) {
    return this.columns.map((_column, at) => ({
      stroke: at ? colours.soft : colours.strong,
      width: 2,
      dash: at ? [7, 5] : undefined,
      points: { show: true, size: 6, fill: colours.paper },
      spanGaps: true,
    }));
  }

  below(colours) {
    return {
      stroke: colours.ink,
      font: colours.font,
      grid: { show: false },
      ticks: { show: false },
      size: 30,
      incrs: [1, 2, 3, 4, 7, 14, 30, 60],
      space: 64,
      values: (_plot, places) => places.map((at) => this.labels[at] ?? ""),
    };
  }

  beside(colours) {
    const isTime = this.place.dataset.format === "duration";
    return {
      stroke: colours.ink,
      font: colours.font,
      grid: { stroke: colours.line, width: 1 },
      ticks: { show: false },
      size: isTime ? 62 : 48,
      incrs: isTime ? STEPS : [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000],
      values: (_plot, values) => values.map((value) => (isTime ? inTime(value) : value.toLocaleString(language()))),
    };
  }

  top(high) {
    return high <= 4 ? Math.ceil(high) + 1 : high * 1.08;
  }

  tell(at) {
    if (at == null) return;
    const parts = this.columns.map((column) => `${column.title} ${column.words[at]}`);
    this.said.textContent = `${this.labels[at]}: ${parts.join(" · ")}`;
  }

  open(at) {
    if (at != null && this.links[at]) location.assign(this.links[at]);
  }

  /** From the theme in force. */
  colours() {
    const look = getComputedStyle(document.documentElement);
    const of = (name) => look.getPropertyValue(name).trim();
    return {
      strong: of("--color-primary"),
      soft: of("--color-info"),
      ink: of("--color-base-content"),
      paper: of("--color-base-100"),
      line: of("--color-base-300"),
      font: `12px ${getComputedStyle(document.body).fontFamily}`,
    };
  }
}

function hatched(colours) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = colours.strong;
  pen.lineWidth = 1.6;
  pen.beginPath();
  for (const shift of [-8, 0, 8]) {
    pen.moveTo(shift, 8);
    pen.lineTo(shift + 8, 0);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

function inTime(seconds) {
  if (seconds >= DAY) return `${trim(seconds / DAY)} d`;
  if (seconds >= HOUR) return `${trim(seconds / HOUR)} h`;
  return seconds >= MINUTE ? `${trim(seconds / MINUTE)} min` : `${trim(seconds)} s`;
}

function trim(value) {
  return value.toLocaleString(language(), { maximumFractionDigits: 1 });
}

function language() {
  return document.documentElement.lang || undefined;
}
