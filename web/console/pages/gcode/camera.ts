/** PURE: where the view stands, and the matrix for it. Lengths in mm, z up, angles in radians. */

export interface Camera {
  /** Around z, from the front. */
  readonly turn: number;
  /** Above the bed; a quarter turn looks straight down. */
  readonly rise: number;
  readonly away: number;
  readonly target: readonly [number, number, number];
}

export const ABOVE = Math.PI / 2;
const HALF = (35 / 2 / 180) * Math.PI; // of the angle from top to bottom

/** Looks at all of a box. */
export function fitted(
  low: readonly number[], high: readonly number[], aspect: number, turn = -0.5, rise = 0.6,
): Camera {
  const size = [0, 1, 2].map((axis) => Math.max(0, (high[axis] ?? 0) - (low[axis] ?? 0)));
  const radius = Math.max(1, Math.hypot(...size) / 2);
  const narrow = Math.min(HALF, Math.atan(Math.tan(HALF) * aspect));
  const target = [0, 1, 2].map((axis) => ((low[axis] ?? 0) + (high[axis] ?? 0)) / 2);
  return { turn, rise, away: radius / Math.sin(narrow), target: target as [number, number, number] };
}

export function turned(camera: Camera, around: number, up: number): Camera {
  const rise = Math.min(ABOVE, Math.max(-ABOVE, camera.rise + up));
  return { ...camera, turn: camera.turn + around, rise };
}

export function nearer(camera: Camera, factor: number): Camera {
  return { ...camera, away: Math.min(100_000, Math.max(0.5, camera.away * factor)) };
}

/** Moves sideways by shares of the view's height. */
export function shifted(camera: Camera, right: number, up: number): Camera {
  const [side, top] = axes(camera);
  const size = 2 * camera.away * Math.tan(HALF);
  const target = camera.target.map((one, axis) =>
    one + size * (right * (side[axis] ?? 0) + up * (top[axis] ?? 0)));
  return { ...camera, target: target as unknown as readonly [number, number, number] };
}

type Three = readonly [number, number, number];

function axes({ turn, rise }: Camera): readonly [Three, Three, Three] {
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  const [high, flat] = [Math.sin(rise), Math.cos(rise)];
  const back: Three = [sin * flat, -cos * flat, high]; // towards the viewer
  return [[cos, sin, 0], [-sin * high, cos * high, flat], back];
}

/** From places to the screen, column by column as WebGL wants it. */
export function matrix(camera: Camera, aspect: number): Float32Array {
  const [side, top, back] = axes(camera);
  const eye = camera.target.map((one, axis) => one + camera.away * (back[axis] ?? 0));
  const along = (axis: Three): number => -(axis[0] * (eye[0] ?? 0) + axis[1] * (eye[1] ?? 0) + axis[2] * (eye[2] ?? 0));
  const near = camera.away / 100;
  const far = camera.away * 10 + 2000;
  const focus = 1 / Math.tan(HALF);
  const deep = (far + near) / (near - far);
  const [sx, sy] = [focus / aspect, focus];
  const shift = (2 * far * near) / (near - far);
  const [a, b, c] = [along(side), along(top), along(back)];
  return new Float32Array([
    side[0] * sx, top[0] * sy, back[0] * deep, -back[0],
    side[1] * sx, top[1] * sy, back[1] * deep, -back[1],
    side[2] * sx, top[2] * sy, back[2] * deep, -back[2],
    a * sx, b * sy, c * deep + shift, -c,
  ]);
}
