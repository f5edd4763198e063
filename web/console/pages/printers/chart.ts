/** Temperatures over time. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Part } from "../../core/part.js";
import { colour, theme } from "../../core/theme.js";
import { locale } from "../../core/words.js";
import { DAY, type Samples } from "./samples.js";

const PAUSE = 250; // ms between two drawings
const HEIGHT = 240; // pixels

/** Hues that differ in lightness too; those of the style sheet for both looks. */
export const HUES = ["--hue-1", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6"] as const;

class TemperatureChart extends Part {
  samples: Samples | null = null;
  seconds = 300;
  now: () => number = () => Date.now() / 1000;
  #plot: uPlot | null = null;
  #made = "";
  #drawn = 0;
  #later = 0;
  readonly #sizes = new ResizeObserver(() => this.#resize());

  override connectedCallback(): void {
    super.connectedCallback();
    this.#sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes.disconnect();
    this.#drop();
  }

  /** Draws soon; as often as that is called, at most four times a second. */
  draw(): void {
    if (this.#later !== 0 || !this.isConnected) return;
    const wait = Math.max(0, this.#drawn + PAUSE - performance.now());
    this.#later = window.setTimeout(() => {
      this.#later = 0;
      this.#drawn = performance.now();
      if (this.isConnected && !document.hidden) this.#draw();
    }, wait);
  }

  protected override render(): undefined {
    this.watch(theme);
    this.draw();
    return undefined;
  }

  #draw(): void {
    if (this.samples === null || this.clientWidth === 0) return;
    const now = this.now();
    const { names, data } = this.samples.last(Math.min(this.seconds, DAY), now);
    const dark = colour("--card");
    const wanted = JSON.stringify([names, dark, locale.value]);
    if (this.#plot === null || this.#made !== wanted) {
      this.#drop();
      this.#made = wanted;
      this.#plot = this.#build(names);
    }
    this.#plot.batch(() => {
      this.#plot?.setData(data as uPlot.AlignedData, false);
      this.#plot?.setScale("x", { min: now - this.seconds, max: now });
    });
  }

  #build(names: readonly string[]): uPlot {
    const soft = colour("--soft");
    const axis = { stroke: soft, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const series: uPlot.Series[] = [{}];
    names.forEach((_, index) => {
      const stroke = colour(HUES[index % HUES.length] as `--${string}`);
      const plain = { stroke, points: { show: false }, spanGaps: false };
      series.push({ ...plain, width: 2 }, { ...plain, width: 1, dash: [6, 5] });
    });
    const times = new Intl.DateTimeFormat(locale.value, { timeStyle: "short" });
    const holder = document.createElement("div");
    holder.setAttribute("aria-hidden", "true"); // what it says stands beside it, in words
    this.append(holder);
    return new uPlot(
      {
        width: this.clientWidth, height: HEIGHT, series,
        legend: { show: false }, cursor: { show: false }, padding: [8, 26, 0, 0],
        scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(60, (max ?? 0) * 1.12)] } },
        axes: [
          { ...axis, size: 30, space: 70, values: (_, values) => values.map((value) => times.format(value * 1000)) },
          { ...axis, size: 46, values: (_, values) => values.map((value) => `${value}°`) },
        ],
      },
      [[]],
      holder,
    );
  }

  #resize(): void {
    if (this.#plot !== null && this.clientWidth > 0) {
      this.#plot.setSize({ width: this.clientWidth, height: HEIGHT });
    }
    this.draw();
  }

  #drop(): void {
    this.#plot?.root.parentElement?.remove();
    this.#plot?.destroy();
    this.#plot = null;
  }
}
customElements.define("temperature-chart", TemperatureChart);

declare global {
  interface HTMLElementTagNameMap {
    "temperature-chart": TemperatureChart;
  }
}
