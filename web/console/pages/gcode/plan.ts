/** PURE: in which order layers are drawn, so that what is there after any time looks like the whole. */

/** A range of moves, and whether it is in the layer that is looked at. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly top: boolean;
}

const LONGEST = 32_768; // moves of a range; larger ones are drawn in parts

/**
 * The ranges of the layers `first` to `last`, up to the move `end`: the last layer, then every
 * 64th, 32nd ... of those below it, and all others at the end.
 */
export function* plan(
  range: (layer: number) => readonly [number, number], first: number, last: number, end: number,
): Generator<Range, void> {
  yield* parts(range(last), end, true);
  let stride = 1;
  while (stride < 64 && stride * 4 < last - first) stride *= 2;
  for (let step = stride; step >= 1; step /= 2) {
    for (let layer = last - step; layer >= first; layer -= step) {
      const before = step < stride && (last - layer) % (step * 2) === 0;
      if (!before) yield* parts(range(layer), end, false);
    }
  }
}

function* parts([from, to]: readonly [number, number], end: number, top: boolean): Generator<Range, void> {
  const limit = Math.min(to, end);
  for (let at = from; at < limit; at += LONGEST) yield { from: at, to: Math.min(limit, at + LONGEST), top };
}
