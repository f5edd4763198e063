/** PURE: a printer that only remembers: where it is, what the numbers mean, and which moves it made. */
import { FEATURES, TRAVEL } from "./features.js";
import { code, PIECE, type Totals } from "./moves.js";
import type { FaultCode, Sink } from "./reader.js";

/** Moves that are kept: 20 bytes each here, 16 on the graphics card. 100 MB of G-code have 2 to 4 million. */
export const MOST_MOVES = 6_000_000;
/** Layers that are told apart, as by the hub; later moves are in the last one. */
export const MOST_LAYERS = 100_000;

const FARTHEST = 100_000; // mm; further away is a broken number, not a printer
const CHORD = 0.05; // mm that an arc may be off the line that is drawn
const MOST_CHORDS = 128;
const LEAST_Z = 1e-4; // mm; less is rounding

const at = (letter: string): number => letter.charCodeAt(0) - 65;
const [E, F, I, J, M, R, T, X, Y, Z, G] = [..."EFIJMRTXYZG"].map(at) as [
  number, number, number, number, number, number, number, number, number, number, number,
];

type Figures = Omit<Totals, "lines" | "seconds" | "slicer" | "faults">;

export class Machine {
  /** Which part of the print the next moves are. */
  feature = 0;
  count = 0;
  #places = new Float32Array(0);
  #codes = new Uint32Array(0);
  #lines = new Uint32Array(0);
  #kept = 0; // places in the piece
  readonly #now = new Float64Array(4); // x, y, z, e in mm, of the machine
  readonly #zero = new Float64Array(4); // what G92 moved
  #unit = 1;
  #relative = false;
  #relativeE = false;
  #flat = true; // arcs are in the plane of x and y
  #speed = 0; // mm/s
  #tool = 0;
  #rank = 0; // how layers are found: 0 by moves, 1 by heights, 2 by layer comments
  #layers = 1;
  #began = 0; // the first move of the last layer
  #top = -Infinity;
  #again = true;
  #starts: number[] = [0];
  #heights: number[] = [0];
  #open = true; // the height of the last layer is not known yet
  #printed = 0;
  #travelled = 0;
  readonly #filament: number[] = [];
  readonly #seen = FEATURES.map(() => 0);
  readonly #low: [number, number, number] = [Infinity, Infinity, Infinity];
  readonly #high: [number, number, number] = [-Infinity, -Infinity, -Infinity];
  readonly #speeds: [number, number] = [Infinity, 0];

  constructor(private readonly sink: Sink, private readonly most = MOST_MOVES) {}

  get full(): boolean {
    return this.count >= this.most;
  }

  get totals(): Figures {
    const solid = this.#high[0] >= this.#low[0];
    return {
      moves: this.count,
      printed: this.#printed,
      travelled: this.#travelled,
      filament: Array.from(this.#filament, (one) => one ?? 0),
      low: solid ? [...this.#low] : [0, 0, 0],
      high: solid ? [...this.#high] : [0, 0, 0],
      speeds: this.#speeds[1] > 0 ? [...this.#speeds] : [0, 0],
      features: [...this.#seen],
    };
  }

  /** Begins a layer that a comment announces; comments of a higher rank make those before void. */
  layer(rank: number): void {
    if (rank < this.#rank) return;
    if (rank > this.#rank) {
      this.#rank = rank;
      this.#again = true;
      this.#starts = [];
      this.#heights = [];
      this.#layers = 0;
    }
    this.#begin();
  }

  /** Takes the height that a comment announces; one that repeats or falls is a hop or the next object. */
  height(z: number): void {
    if (this.#rank === 1 && z <= this.#top) return;
    if (this.#rank <= 1) {
      this.#top = z;
      this.layer(1);
    }
  }

  /** Does what a line says; returns what is wrong with it. */
  run(has: number, values: Float64Array, line: number): FaultCode | null {
    const given = (letter: number): boolean => (has & (1 << letter)) !== 0;
    if (given(G)) {
      const command = values[G] ?? -1;
      if (command === 0 || command === 1) return this.#straight(has, values, line);
      if (command === 2 || command === 3) return this.#arc(has, values, line, command === 2);
      return this.#mode(command, has, values);
    }
    if (given(M)) {
      if (values[M] === 82) this.#relativeE = false;
      if (values[M] === 83) this.#relativeE = true;
    } else if (given(T)) {
      this.#tool = Math.max(0, Math.trunc(values[T] ?? 0));
    }
    return null;
  }

  /** Hands out the piece and the layers that are under way; the last layer only once its height is known, or at the `end`. */
  flush(end = false): void {
    if (this.#kept > 1) {
      const count = this.#kept;
      this.sink.piece({
        count, places: this.#places.slice(0, count * 3), codes: this.#codes.slice(0, count), lines: this.#lines.slice(0, count),
      });
      this.#kept = 0;
    }
    const known = this.#starts.length - (this.#open && !end ? 1 : 0);
    if (known > 0) {
      this.sink.layers({ again: this.#again, starts: this.#starts.splice(0, known), heights: this.#heights.splice(0, known) });
      this.#again = false;
    }
  }

  #mode(command: number, has: number, values: Float64Array): null {
    switch (command) {
      case 17: this.#flat = true; break;
      case 18: case 19: this.#flat = false; break;
      case 20: this.#unit = 25.4; break;
      case 21: this.#unit = 1; break;
      case 90: this.#relative = this.#relativeE = false; break;
      case 91: this.#relative = this.#relativeE = true; break;
      case 92: this.#set(has, values); break;
      case 28: this.#home(has); break;
      default:
    }
    return null;
  }

  #home(has: number): void {
    const all = [X, Y, Z].every((letter) => (has & (1 << letter)) === 0);
    [X, Y, Z].forEach((letter, axis) => {
      if (all || has & (1 << letter)) this.#now[axis] = this.#zero[axis] = 0;
    });
  }

  /** G92: the place has other numbers from here on; nothing moves. */
  #set(has: number, values: Float64Array): void {
    const all = [X, Y, Z, E].every((letter) => (has & (1 << letter)) === 0);
    [X, Y, Z, E].forEach((letter, axis) => {
      if (!all && (has & (1 << letter)) === 0) return;
      const said = all ? 0 : (values[letter] ?? 0) * this.#unit;
      this.#zero[axis] = (this.#now[axis] ?? 0) - said;
    });
  }

  #target(axis: number, letter: number, has: number, values: Float64Array, relative: boolean): number {
    const now = this.#now[axis] ?? 0;
    if ((has & (1 << letter)) === 0) return now;
    const said = (values[letter] ?? 0) * this.#unit;
    return relative ? now + said : (this.#zero[axis] ?? 0) + said;
  }

  #straight(has: number, values: Float64Array, line: number): FaultCode | null {
    if (has & (1 << F)) this.#speed = Math.abs((values[F] ?? 0) * this.#unit) / 60;
    const x = this.#target(0, X, has, values, this.#relative);
    const y = this.#target(1, Y, has, values, this.#relative);
    const z = this.#target(2, Z, has, values, this.#relative);
    if (Math.abs(x) > FARTHEST || Math.abs(y) > FARTHEST || Math.abs(z) > FARTHEST) return "far";
    const out = this.#feed(has, values);
    if (x === this.#now[0] && y === this.#now[1] && z === this.#now[2]) return null;
    this.#to(x, y, z, out > 0, line);
    return null;
  }

  /** Moves the filament; returns the mm that come out. */
  #feed(has: number, values: Float64Array): number {
    if ((has & (1 << E)) === 0) return 0;
    const end = this.#target(3, E, has, values, this.#relativeE);
    const out = end - (this.#now[3] ?? 0);
    this.#now[3] = end;
    if (Number.isFinite(out)) this.#filament[this.#tool & 15] = (this.#filament[this.#tool & 15] ?? 0) + out;
    return out;
  }

  /** G2 and G3, by the centre (I, J) or the radius (R), as chords. */
  #arc(has: number, values: Float64Array, line: number, clockwise: boolean): FaultCode | null {
    const centred = (has & ((1 << I) | (1 << J))) !== 0;
    const round = (has & (1 << R)) !== 0;
    if (!this.#flat) return this.#straight(has, values, line); // arcs that stand are drawn as their chord
    if (!centred && !round) return "arc";
    if (has & (1 << F)) this.#speed = Math.abs((values[F] ?? 0) * this.#unit) / 60;
    const [x0 = 0, y0 = 0, z0 = 0] = this.#now;
    const x = this.#target(0, X, has, values, this.#relative);
    const y = this.#target(1, Y, has, values, this.#relative);
    const z = this.#target(2, Z, has, values, this.#relative);
    const given = (letter: number): number => (has & (1 << letter) ? (values[letter] ?? 0) * this.#unit : 0);
    const centre = centred ? [x0 + given(I), y0 + given(J)] : middle(x0, y0, x, y, given(R), clockwise);
    const [cx = NaN, cy = NaN] = centre;
    const radius = Math.hypot(x0 - cx, y0 - cy);
    if (!(radius > 0 && radius < FARTHEST)) return "arc";
    if (Math.abs(x) > FARTHEST || Math.abs(y) > FARTHEST || Math.abs(z) > FARTHEST) return "far";
    const out = this.#feed(has, values) > 0;
    const from = Math.atan2(y0 - cy, x0 - cx);
    let sweep = Math.atan2(y - cy, x - cx) - from;
    if (clockwise && sweep >= -1e-9) sweep -= 2 * Math.PI;
    if (!clockwise && sweep <= 1e-9) sweep += 2 * Math.PI;
    const step = 2 * Math.acos(Math.max(0, 1 - CHORD / radius));
    const chords = Math.max(1, Math.min(MOST_CHORDS, Math.ceil(Math.abs(sweep) / step)));
    for (let chord = 1; chord < chords; chord += 1) {
      const angle = from + (sweep * chord) / chords;
      const share = chord / chords;
      this.#to(cx + radius * Math.cos(angle), cy + radius * Math.sin(angle), z0 + (z - z0) * share, out, line);
    }
    this.#to(x, y, z, out, line);
    return null;
  }

  /** Goes to a place in a straight line, and keeps that. */
  #to(x: number, y: number, z: number, out: boolean, line: number): void {
    const [x0 = 0, y0 = 0, z0 = 0] = this.#now;
    const length = Math.hypot(x - x0, y - y0, z - z0);
    if (out) {
      this.#printed += length;
      if (this.#rank === 0 && z > this.#top + LEAST_Z) {
        if (this.#top > -Infinity) this.#begin();
        this.#top = z;
      }
      if (this.#open) this.#named(z);
      this.#reach(x0, y0, z);
      this.#reach(x, y, z);
      if (this.#speed > 0) {
        this.#speeds[0] = Math.min(this.#speeds[0], this.#speed);
        this.#speeds[1] = Math.max(this.#speeds[1], this.#speed);
      }
    } else {
      this.#travelled += length;
    }
    this.#now[0] = x;
    this.#now[1] = y;
    this.#now[2] = z;
    if (this.full) return;
    if (this.#kept === 0) this.#start(x0, y0, z0);
    const feature = out ? this.feature : TRAVEL;
    this.#seen[feature] = (this.#seen[feature] ?? 0) + 1;
    this.#put(x, y, z, code(feature, this.#tool, this.#speed, Math.atan2(y - y0, x - x0)), line);
    this.count += 1;
    if (this.count % PIECE === 0) this.flush();
  }

  /** Begins a piece with the place where the last one ended. */
  #start(x: number, y: number, z: number): void {
    if (this.#places.length === 0) {
      this.#places = new Float32Array((PIECE + 1) * 3);
      this.#codes = new Uint32Array(PIECE + 1);
      this.#lines = new Uint32Array(PIECE + 1);
    }
    this.#put(x, y, z, TRAVEL, 0);
  }

  #put(x: number, y: number, z: number, packed: number, line: number): void {
    const index = this.#kept;
    this.#places[index * 3] = x;
    this.#places[index * 3 + 1] = y;
    this.#places[index * 3 + 2] = z;
    this.#codes[index] = packed;
    this.#lines[index] = line;
    this.#kept = index + 1;
  }

  #begin(): void {
    if (this.#layers >= MOST_LAYERS || this.full) return;
    // What comes before the first layer belongs to it; a layer without a move is none.
    const start = this.#layers === 0 ? 0 : this.count;
    this.#open = true;
    if (this.#layers > 0 && this.#began === start) return;
    this.#began = start;
    this.#starts.push(start);
    this.#heights.push(this.#now[2] ?? 0);
    this.#layers += 1;
  }

  /** Notes at which height the layer prints. */
  #named(z: number): void {
    this.#open = false;
    if (this.#heights.length > 0) this.#heights[this.#heights.length - 1] = z;
  }

  #reach(x: number, y: number, z: number): void {
    this.#low[0] = Math.min(this.#low[0], x);
    this.#low[1] = Math.min(this.#low[1], y);
    this.#low[2] = Math.min(this.#low[2], z);
    this.#high[0] = Math.max(this.#high[0], x);
    this.#high[1] = Math.max(this.#high[1], y);
    this.#high[2] = Math.max(this.#high[2], z);
  }
}

/** The centre of an arc with a radius; the far one where the radius is negative. */
function middle(x0: number, y0: number, x: number, y: number, radius: number, clockwise: boolean): number[] {
  const [dx, dy] = [x - x0, y - y0];
  const away = Math.hypot(dx, dy);
  if (away === 0) return [];
  const height = Math.sqrt(Math.max(0, radius * radius - (away * away) / 4));
  const side = (clockwise ? -1 : 1) * (radius < 0 ? -1 : 1);
  return [x0 + dx / 2 - (side * height * dy) / away, y0 + dy / 2 + (side * height * dx) / away];
}
