/** The temperatures of a printer for 24 hours, thinned out where they are old. */
import type { Heat, Reading } from "./model.js";

export const DAY = 86_400; // seconds
const FINE = 900; // seconds for which every reading is kept
const COARSE = 5; // seconds between older ones
const ROOM = 4; // how much more than needed a list may hold before it is cut

/** Times (seconds since 1970), then temperature and target of each sensor, in the order of names. */
export interface Series {
  readonly names: readonly string[];
  readonly data: (number | null)[][];
}

/** What the sensors had at a time; none where the printer was away. */
interface Row {
  readonly at: number;
  readonly readings: readonly Reading[];
}

class Tier {
  times: number[] = [];
  readonly columns = new Map<string, (number | null)[]>();

  constructor(
    readonly span: number,
    readonly pause: number,
  ) {}

  add(at: number, readings: readonly Reading[]): void {
    const last = this.times.at(-1);
    if (last !== undefined && at < last + this.pause) return;
    for (const { sensor } of readings) {
      if (!this.columns.has(sensor)) this.columns.set(sensor, empty(this.times.length * 2));
    }
    this.times.push(at);
    for (const [name, column] of this.columns) {
      const found = readings.find((one) => one.sensor === name);
      column.push(found?.temperature ?? null, found?.target || null);
    }
    const most = (this.span / Math.max(this.pause, 0.5)) + 60 * ROOM;
    if (this.times.length > most) this.#cut(at - this.span);
  }

  /** Puts older readings before its own; their times rise. */
  before(older: readonly Row[]): void {
    const limit = this.times[0] ?? Infinity;
    const first = new Tier(this.span, this.pause);
    for (const { at, readings } of older) if (at < limit) first.add(at, readings);
    const names = new Set([...first.columns.keys(), ...this.columns.keys()]);
    const own = new Map(this.columns);
    this.columns.clear();
    for (const name of names) {
      const begin = first.columns.get(name) ?? empty(first.times.length * 2);
      this.columns.set(name, [...begin, ...(own.get(name) ?? empty(this.times.length * 2))]);
    }
    this.times = [...first.times, ...this.times];
  }

  /** The index of the first reading at or after a time. */
  first(from: number): number {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] as number) < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #cut(from: number): void {
    const gone = Math.max(this.first(from), 60);
    this.times = this.times.slice(gone);
    for (const [name, column] of this.columns) this.columns.set(name, column.slice(gone * 2));
  }
}

function readingsAt(heat: Heat, index: number): Reading[] {
  const found: Reading[] = [];
  for (const { sensor, temperature, target } of heat.temperatures) {
    const value = temperature[index];
    if (typeof value === "number") found.push({ sensor, temperature: value, target: target[index] ?? null });
  }
  return found;
}

function empty(count: number): (number | null)[] {
  return new Array<number | null>(count).fill(null);
}

export class Samples {
  readonly #fine = new Tier(FINE, 0);
  readonly #coarse = new Tier(DAY, COARSE);

  /** Adds what was read at a time (seconds since 1970); times must rise. */
  add(at: number, readings: readonly Reading[]): void {
    if (readings.length === 0) return;
    this.#fine.add(at, readings);
    this.#coarse.add(at, readings);
  }

  /** Takes what the hub read before the console was there. */
  before(heat: Heat): void {
    const rows = heat.times.map((at, index) => ({ at, readings: readingsAt(heat, index) }));
    this.#fine.before(rows);
    this.#coarse.before(rows);
  }

  /** The names of all sensors, and their latest readings. */
  get names(): readonly string[] {
    return [...this.#coarse.columns.keys()];
  }

  /** What was read in the last seconds. */
  last(seconds: number, now: number): Series {
    const tier = seconds <= FINE ? this.#fine : this.#coarse;
    const from = tier.first(now - seconds);
    const data: (number | null)[][] = [tier.times.slice(from)];
    for (const name of this.names) {
      const column = tier.columns.get(name);
      const temperatures = [];
      const targets = [];
      for (let index = from; index < tier.times.length; index += 1) {
        temperatures.push(column?.[index * 2] ?? null);
        targets.push(column?.[index * 2 + 1] ?? null);
      }
      data.push(temperatures, targets);
    }
    return { names: this.names, data };
  }
}
