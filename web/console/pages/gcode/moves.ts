/** PURE: the moves of a file as they are kept: pieces of typed arrays, and where layers begin. */

/** Moves of a piece; one of 64 K is 1.3 MB. */
export const PIECE = 65_536;

/**
 * Places in a row; to go from one to the next is a move. The first place of a piece is the last one
 * of the piece before it, so that each piece can be drawn alone.
 */
export interface Piece {
  /** How many places; one more than moves. */
  readonly count: number;
  /** x, y, z of each, in mm. */
  readonly places: Float32Array;
  /** Of the move to each place: feature (4 bits), tool (4), direction (8; half a turn), speed (16; in 0.1 mm/s). */
  readonly codes: Uint32Array;
  /** Line of the file that each move stands in, from 1. */
  readonly lines: Uint32Array;
}

/** Packs a move; `angle` in radians is its direction seen from above, which shades it. */
export const code = (feature: number, tool: number, speed: number, angle = 0): number => {
  const direction = Math.round((angle / Math.PI) * 256) & 255;
  return ((Math.min(65_535, Math.round(speed * 10)) << 16) | (direction << 8) | ((tool & 15) << 4) | feature) >>> 0;
};
export const featureIn = (packed: number): number => packed & 15;
export const toolIn = (packed: number): number => (packed >> 4) & 15;
export const speedIn = (packed: number): number => (packed >>> 16) / 10;

/** Layers that begin: the first move and height (mm) of each. With `again` those before are void. */
export interface Layers {
  readonly again: boolean;
  readonly starts: readonly number[];
  readonly heights: readonly number[];
}

/** What is known of a whole file, or of its part that was read; lengths in mm, time in seconds. */
export interface Totals {
  readonly lines: number;
  readonly moves: number;
  readonly printed: number;
  readonly travelled: number;
  /** Filament that goes in, by tool. */
  readonly filament: readonly number[];
  readonly seconds: number | null;
  readonly slicer: string;
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
  readonly speeds: readonly [number, number];
  /** How often each feature comes. */
  readonly features: readonly number[];
  readonly faults: number;
}

/** One move, for people. */
export interface Move {
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly feature: number;
  readonly tool: number;
  readonly speed: number;
  readonly line: number;
}

/** The moves of one file. Move n goes to place n + 1 of the row. */
export class Moves {
  readonly pieces: Piece[] = [];
  starts: number[] = [0];
  heights: number[] = [0];
  count = 0;

  add(piece: Piece): void {
    this.pieces.push(piece);
    this.count += piece.count - 1;
  }

  layers({ again, starts, heights }: Layers): void {
    this.starts = again ? [...starts] : this.starts.concat(starts);
    this.heights = again ? [...heights] : this.heights.concat(heights);
  }

  /** The moves of a layer, from 0: the first, and the one after the last. */
  range(layer: number): readonly [number, number] {
    const end = this.starts[layer + 1] ?? this.count;
    return [Math.min(this.starts[layer] ?? 0, this.count), Math.min(end, this.count)];
  }

  /** The layer that a move is in. */
  layerOf(move: number): number {
    return Math.max(0, after(this.starts.length, (index) => (this.starts[index] ?? 0) <= move) - 1);
  }

  /** A move, where there is one. */
  at(move: number): Move | null {
    const piece = this.pieces[Math.floor(move / PIECE)];
    const index = (move % PIECE) + 1;
    if (piece === undefined || index >= piece.count) return null;
    const [x = 0, y = 0, z = 0] = piece.places.subarray(index * 3, index * 3 + 3);
    const packed = piece.codes[index] ?? 0;
    return {
      x, y, z, feature: featureIn(packed), tool: toolIn(packed), speed: speedIn(packed), line: piece.lines[index] ?? 0,
    };
  }

  /** How many moves stand in the lines up to this one. */
  upTo(line: number): number {
    return after(this.count, (move) => {
      const piece = this.pieces[Math.floor(move / PIECE)];
      return (piece?.lines[(move % PIECE) + 1] ?? 0) <= line;
    });
  }
}

/** How many of the first numbers fulfil a rule that, once false, stays false. */
function after(count: number, rule: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rule(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
