/** PURE: G-code in pieces of bytes to moves. */
import { note, TRAVEL } from "./features.js";
import { Machine } from "./machine.js";
import type { Layers, Piece, Totals } from "./moves.js";

/** Bytes of a line. Thumbnails have lines of 80, settings of PrusaSlicer up to some 10,000. */
export const LONGEST_LINE = 65_536;
/** Faults that are told; the rest is counted. */
export const MOST_FAULTS = 20;
const MOST_SHOWN = 60; // characters of a line that are shown
const NOTE = 200; // bytes of a comment that can be a note
const START = 8; // bytes looked at for a kind of file

export type FaultCode = "number" | "far" | "arc";

/** A line that was left out. */
export interface Fault {
  readonly line: number;
  readonly code: FaultCode;
  readonly text: string;
}

export type Broken = "empty" | "moveless" | "binary" | "bgcode" | "zip" | "stl" | "endless";

/** Why a file is none that can be shown; `line` where that is known. */
export class BrokenFile extends Error {
  constructor(readonly code: Broken, readonly line = 0) {
    super(code);
  }
}

/** Where what was read goes. */
export interface Sink {
  piece(piece: Piece): void;
  layers(layers: Layers): void;
  fault(fault: Fault): void;
}

const A = 65; // numbers of a line are kept by their letter, A to Z
const MOST_DIGITS = 15; // of a number; more are no place, length or speed

/** Reads a file: `push` its bytes, then `end`; both throw BrokenFile. */
export class Reader {
  readonly #machine: Machine;
  readonly #sink: Sink;
  readonly #values = new Float64Array(26);
  readonly #text = new TextDecoder();
  #has = 0; // bit for each letter of the line
  #rest: Uint8Array = new Uint8Array(0);
  #bytes = 0;
  #line = 0;
  #faults = 0;
  #seconds: number | null = null;
  #slicer = "";

  constructor(sink: Sink, most?: number) {
    this.#sink = sink;
    this.#machine = new Machine(sink, most);
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    let from = 0;
    if (this.#rest.length > 0) {
      const end = bytes.indexOf(10);
      if (end < 0) {
        this.#keep(joined(this.#rest, bytes));
        return;
      }
      const whole = joined(this.#rest, bytes.subarray(0, end));
      this.#rest = new Uint8Array(0);
      this.#take(whole, 0, whole.length);
      from = end + 1;
    }
    const zero = bytes.indexOf(0, from); // looked for once, as no line of a text has one
    for (let end = bytes.indexOf(10, from); end >= 0; end = bytes.indexOf(10, from)) {
      this.#take(bytes, from, end, zero);
      from = end + 1;
    }
    this.#keep(bytes.slice(from));
  }

  end(): void {
    if (this.#rest.length > 0) this.#take(this.#rest, 0, this.#rest.length);
    if (this.#bytes === 0) throw new BrokenFile("empty");
    if (this.#machine.count === 0) throw new BrokenFile("moveless", this.#line);
    this.#machine.flush(true);
  }

  /** Hands out what came before the place where a file is broken; nothing may follow. */
  flush(): void {
    this.#machine.flush(true);
  }

  /** The moves are more than are kept: the rest of the file need not be read. */
  get full(): boolean {
    return this.#machine.full;
  }

  get totals(): Totals {
    return {
      ...this.#machine.totals, lines: this.#line, seconds: this.#seconds, slicer: this.#slicer, faults: this.#faults,
    };
  }

  #keep(rest: Uint8Array): void {
    if (rest.length > LONGEST_LINE) {
      this.#look(rest, 0, rest.length);
      throw new BrokenFile("endless", this.#line + 1);
    }
    this.#rest = rest;
  }

  /** Throws where these bytes cannot be of a text. */
  #look(bytes: Uint8Array, from: number, to: number): void {
    if (this.#line === 0) {
      const start = String.fromCharCode(...bytes.subarray(from, from + START));
      if (start.startsWith("GCDE")) throw new BrokenFile("bgcode");
      if (start.startsWith("PK\x03\x04")) throw new BrokenFile("zip");
      if (start.startsWith("solid ")) throw new BrokenFile("stl");
    }
    const zero = bytes.indexOf(0, from);
    if (zero >= 0 && zero < to) throw new BrokenFile("binary", this.#line + 1);
  }

  #take(bytes: Uint8Array, from: number, to: number, zero = bytes.indexOf(0)): void {
    if (this.#line === 0) this.#look(bytes, from, to);
    if (zero >= 0 && zero < to) throw new BrokenFile("binary", this.#line + 1);
    if (to - from > LONGEST_LINE) throw new BrokenFile("endless", this.#line + 1);
    this.#bytes += to - from;
    this.#line += 1;
    const fault = this.#words(bytes, from, to) ?? this.#machine.run(this.#has, this.#values, this.#line);
    if (fault === null) return;
    this.#faults += 1;
    if (this.#faults > MOST_FAULTS) return;
    const text = this.#text.decode(bytes.subarray(from, Math.min(to, from + MOST_SHOWN))).trim();
    this.#sink.fault({ line: this.#line, code: fault, text });
  }

  /** Reads the letters and numbers of a line; returns what is wrong with it. */
  #words(bytes: Uint8Array, from: number, to: number): FaultCode | null {
    this.#has = 0;
    let at = from;
    let fault: FaultCode | null = null;
    while (at < to) {
      let byte = bytes[at++] ?? 0;
      if (byte === 59) { // ;
        this.#comment(bytes, at, to);
        break;
      }
      if (byte === 42) break; // *: the checksum of a line that was sent
      if (byte === 40) { // ( a comment )
        const end = bytes.indexOf(41, at);
        at = end < 0 || end >= to ? to : end + 1;
        continue;
      }
      if (byte >= 97 && byte <= 122) byte -= 32;
      if (byte < A || byte > 90) continue;
      while (at < to && bytes[at] === 32) at += 1;
      const sign = bytes[at];
      if (sign === 45 || sign === 43) at += 1;
      let value = 0;
      let digits = 0;
      for (let digit = (bytes[at] ?? 0) - 48; at < to && digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - 48) {
        value = value * 10 + digit;
        digits += 1;
        at += 1;
      }
      if (at < to && bytes[at] === 46) {
        at += 1;
        let unit = 0.1;
        for (let digit = (bytes[at] ?? 0) - 48; at < to && digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - 48) {
          value += digit * unit;
          unit /= 10;
          digits += 1;
          at += 1;
        }
      }
      const bit = 1 << (byte - A);
      if (digits > MOST_DIGITS && this.#moves && NUMBERS & bit) fault = "far";
      if (digits === 0) {
        // X of "G28 X" means only that it is there; X of "G1 XNaN" is broken.
        if (this.#moving && AXES & bit) fault = "number";
        if (this.#moves) {
          if (!this.#moving && AXES & bit) this.#mark(byte - A);
          continue;
        }
        if (this.#has & COMMANDS) continue;
        at = comment(bytes, at, to); // a word, like "EXCLUDE_OBJECT_START NAME=cube"
        continue;
      }
      if (byte === N && this.#has === 0) continue; // the number of a line that was sent
      if (this.#has & COMMANDS && bit & COMMANDS) break; // one command in a line is what firmwares take
      this.#has |= bit;
      this.#values[byte - A] = sign === 45 ? -value : value;
    }
    return fault;
  }

  #mark(letter: number): void {
    this.#has |= 1 << letter;
    this.#values[letter] = 0;
  }

  get #moves(): boolean {
    return (this.#has & G) !== 0;
  }

  get #moving(): boolean {
    return this.#moves && (this.#values[6] ?? 99) <= 3;
  }

  #comment(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to && (bytes[at] === 32 || bytes[at] === 59)) at += 1;
    if (to - at > NOTE || to - at < 3) return;
    const found = note(this.#text.decode(bytes.subarray(at, to)).trim());
    switch (found?.is) {
      case "feature":
        this.#machine.feature = found.feature === TRAVEL ? 0 : found.feature;
        break;
      case "layer":
        this.#machine.layer(2);
        break;
      case "height":
        this.#machine.height(found.z);
        break;
      case "time":
        this.#seconds ??= found.seconds;
        break;
      case "slicer":
        this.#slicer ||= found.name;
        break;
      default:
    }
  }
}

const N = 78;
const bit = (letter: string): number => 1 << (letter.charCodeAt(0) - A);
const G = bit("G");
const COMMANDS = G | bit("M") | bit("T");
const AXES = [..."XYZEFIJR"].reduce((sum, letter) => sum | bit(letter), 0);

const NUMBERS = AXES | bit("F");

/** Where the code of a line ends. */
function comment(bytes: Uint8Array, from: number, to: number): number {
  const found = bytes.indexOf(59, from);
  return found < 0 || found > to ? to : found;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
