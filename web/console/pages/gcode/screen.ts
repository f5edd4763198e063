/** The drawing of the moves, with WebGL; a frame takes what time it may, and the next ones add the rest. */
import { colour, theme } from "../../core/theme.js";
import { ABOVE, type Camera, fitted, matrix, nearer, shifted, turned } from "./camera.js";
import { BED, FEATURE_COLOURS, HEAD, type Mode, MODES, RAMP, rgb, TOOL_COLOURS } from "./colours.js";
import { type Moves, PIECE, type Piece } from "./moves.js";
import { plan, type Range } from "./plan.js";
import { FRAGMENT, VERTEX } from "./shaders.js";
import { t } from "./text.js";

const FRAME = 12; // ms that drawing may take of a frame
const [LEAST, MOST] = [2000, 4_000_000]; // moves of a frame
const TURN = 0.1; // radians of an arrow key
const SHIFT = 0.05; // of the view's height

/** What of the moves is drawn, and how. */
export interface Look {
  readonly first: number;
  readonly last: number;
  /** Moves before this one are drawn. */
  readonly end: number;
  readonly mode: Mode;
  /** A bit for each feature that is drawn. */
  readonly shown: number;
  /** The values that the ends of the ramp stand for. */
  readonly span: readonly [number, number];
}

interface Held {
  readonly piece: Piece;
  readonly array: WebGLVertexArrayObject;
  readonly buffers: readonly WebGLBuffer[];
}

export class GcodeScreen extends HTMLElement {
  readonly #canvas = document.createElement("canvas");
  #gl: WebGL2RenderingContext | null = null;
  #program: WebGLProgram | null = null;
  #held: Held[] = [];
  #bed: { readonly array: WebGLVertexArrayObject; readonly buffer: WebGLBuffer; readonly count: number } | null = null;
  #head: { readonly array: WebGLVertexArrayObject; readonly buffer: WebGLBuffer } | null = null;
  #moves: Moves | null = null;
  #look: Look = { first: 0, last: 0, end: 0, mode: "feature", shown: 0xffff, span: [0, 1] };
  #camera: Camera = fitted([0, 0, 0], [200, 200, 20], 1);
  #box: readonly [readonly number[], readonly number[]] = [[0, 0, 0], [200, 200, 20]];
  #free = true; // nobody turned it yet: it may fit itself
  #rest: Iterator<Range> | null = null;
  #due = 0;
  #allowed = 100_000; // moves of the next frame; follows how long the last one took
  #unwatch: () => void = () => undefined;
  readonly #sizes = new ResizeObserver(() => this.redraw());

  connectedCallback(): void {
    this.tabIndex = 0;
    this.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-hidden", "true");
    this.append(this.#canvas);
    this.#canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.#canvas.addEventListener("webglcontextrestored", () => this.#begin());
    this.#begin();
    this.#sizes.observe(this);
    this.#unwatch = theme.watch(() => this.redraw());
    this.addEventListener("keydown", (event) => this.#key(event));
    this.#canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    this.#points();
  }

  disconnectedCallback(): void {
    this.#sizes.disconnect();
    this.#unwatch();
    cancelAnimationFrame(this.#due);
    this.#due = 0;
    this.#gl?.getExtension("WEBGL_lose_context")?.loseContext(); // browsers have few contexts
    this.#gl = null;
  }

  /** Shows another file; its pieces come with `grown`. */
  show(moves: Moves): void {
    if (moves === this.#moves) return;
    for (const { array, buffers } of this.#held) {
      this.#gl?.deleteVertexArray(array);
      for (const buffer of buffers) this.#gl?.deleteBuffer(buffer);
    }
    this.#begin(moves);
    this.#free = true;
  }

  /** Takes the pieces that came, and the box of what is printed. */
  grown(low: readonly number[], high: readonly number[]): void {
    this.#hold();
    this.#box = [low, high];
    if (this.#bed) {
      this.#gl?.deleteVertexArray(this.#bed.array);
      this.#gl?.deleteBuffer(this.#bed.buffer);
    }
    this.#bed = this.#bedOf(low, high);
    if (this.#free) this.fit();
    this.redraw();
  }

  look(look: Look): void {
    this.#look = look;
    this.redraw();
  }

  /** Looks at all of it; from above with `above`. */
  fit(above = false): void {
    const [low, high] = this.#box;
    const aspect = this.clientWidth / Math.max(1, this.clientHeight) || 1;
    this.#camera = above ? fitted(low, high, aspect, 0, ABOVE) : fitted(low, high, aspect);
    this.redraw();
  }

  /** Looks from somewhere else. */
  move(change: (camera: Camera) => Camera): void {
    this.#free = false;
    this.#camera = change(this.#camera);
    this.redraw();
  }

  redraw(): void {
    this.#rest = null;
    this.#due ||= requestAnimationFrame(() => this.#frame());
  }

  #begin(moves = this.#moves): void {
    this.#moves = moves;
    this.#held = [];
    const gl = (this.#gl ??= this.#canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true }));
    if (gl === null) {
      this.textContent = t("noScreen");
      return;
    }
    this.#program = program(gl);
    if (this.#program === null) return;
    const buffer = gl.createBuffer();
    this.#head = { buffer, array: arrayOf(gl, buffer, null) };
    this.#bed = this.#bedOf(...this.#box);
    this.#hold();
    this.redraw();
  }

  /** Hands the pieces that are new to the graphics card. */
  #hold(): void {
    const gl = this.#gl;
    if (gl === null || this.#moves === null) return;
    for (const piece of this.#moves.pieces.slice(this.#held.length)) {
      const [places, codes] = [filled(gl, piece.places), filled(gl, piece.codes)] as const;
      this.#held.push({ piece, array: arrayOf(gl, places, codes), buffers: [places, codes] });
    }
  }

  #bedOf(low: readonly number[], high: readonly number[]) {
    const gl = this.#gl;
    if (gl === null) return null;
    const lines = grid(low, high);
    const buffer = filled(gl, lines);
    return { buffer, array: arrayOf(gl, buffer, null), count: lines.length / 3 };
  }

  #frame(): void {
    this.#due = 0;
    const gl = this.#gl;
    if (gl === null || this.#program === null || gl.isContextLost() || this.clientWidth === 0) return;
    const began = performance.now();
    this.#resize(gl);
    if (this.#rest === null) this.#clear(gl);
    const [drawn, more] = this.#some(gl);
    this.#mark(gl);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits until it is drawn
    const took = Math.max(1, performance.now() - began);
    if (drawn > 0 && (more || took > FRAME)) {
      const factor = Math.min(1.5, Math.max(0.4, FRAME / took));
      this.#allowed = Math.min(MOST, Math.max(LEAST, Math.min(drawn, this.#allowed) * factor));
    }
    if (more) this.#due = requestAnimationFrame(() => this.#frame());
    else this.dataset["drawn"] = String(this.#look.end); // tests wait for it
  }

  #clear(gl: WebGL2RenderingContext): void {
    delete this.dataset["drawn"];
    const ground = rgb(colour("--card"));
    gl.clearColor(...ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.useProgram(this.#program);
    this.#uniforms(gl, ground);
    if (this.#bed) {
      gl.vertexAttribI4ui(1, BED, 0, 0, 0);
      gl.bindVertexArray(this.#bed.array);
      gl.drawArrays(gl.LINES, 0, this.#bed.count);
    }
    const { first, last, end } = this.#look;
    this.#rest = this.#moves === null ? null : plan((layer) => this.#moves?.range(layer) ?? [0, 0], first, last, end);
  }

  /** Draws as many ranges as a frame has time for; tells how many moves, and whether there are more. */
  #some(gl: WebGL2RenderingContext): readonly [number, boolean] {
    gl.useProgram(this.#program);
    const dim = gl.getUniformLocation(this.#program as WebGLProgram, "dim");
    let drawn = 0;
    while (drawn < this.#allowed) {
      const next = this.#rest?.next();
      if (next === undefined || next.done) return [drawn, false];
      gl.uniform1f(dim, next.value.top ? 0 : 0.3);
      this.#range(gl, next.value);
      drawn += next.value.to - next.value.from + 20; // a call has its price too
    }
    return [drawn, true];
  }

  #range(gl: WebGL2RenderingContext, { from, to }: Range): void {
    for (let at = from; at < to;) {
      const index = Math.floor(at / PIECE);
      const held = this.#held[index];
      if (held === undefined) return;
      const start = at - index * PIECE;
      const count = Math.min(to - at, held.piece.count - 1 - start);
      if (count <= 0) return;
      gl.bindVertexArray(held.array);
      gl.drawArrays(gl.LINE_STRIP, start, count + 1);
      at += count;
    }
  }

  /** Marks where the nozzle is. */
  #mark(gl: WebGL2RenderingContext): void {
    const place = this.#moves?.at(this.#look.end - 1);
    if (!place || !this.#head) return;
    gl.disable(gl.DEPTH_TEST);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#head.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([place.x, place.y, place.z]), gl.DYNAMIC_DRAW);
    gl.bindVertexArray(this.#head.array);
    gl.vertexAttribI4ui(1, HEAD, 0, 0, 0);
    gl.drawArrays(gl.POINTS, 0, 1);
    gl.enable(gl.DEPTH_TEST);
  }

  #uniforms(gl: WebGL2RenderingContext, ground: readonly [number, number, number]): void {
    const at = (name: string) => gl.getUniformLocation(this.#program as WebGLProgram, name);
    const ratio = Math.min(2, devicePixelRatio);
    const bed = rgb(colour("--line"));
    const palette = [...FEATURE_COLOURS.map(rgb), rgb(colour("--ink")), bed];
    gl.uniformMatrix4fv(at("view"), false, matrix(this.#camera, this.clientWidth / Math.max(1, this.clientHeight)));
    gl.uniform3fv(at("palette"), palette.flat());
    gl.uniform3fv(at("tools"), TOOL_COLOURS.flatMap(rgb));
    gl.uniform3fv(at("ramp"), RAMP.flatMap(rgb));
    gl.uniform3f(at("ground"), ...ground);
    gl.uniform2f(at("span"), ...this.#look.span);
    gl.uniform1i(at("mode"), MODES.indexOf(this.#look.mode));
    gl.uniform1ui(at("shown"), (this.#look.shown | (1 << HEAD) | (1 << BED)) >>> 0);
    gl.uniform1f(at("dim"), 0);
    gl.uniform1f(at("size"), 9 * ratio);
  }

  #resize(gl: WebGL2RenderingContext): void {
    const ratio = Math.min(2, devicePixelRatio);
    const [width, height] = [Math.round(this.clientWidth * ratio), Math.round(this.clientHeight * ratio)];
    if (this.#canvas.width === width && this.#canvas.height === height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#rest = null;
    if (this.#free) this.fit();
    gl.viewport(0, 0, width, height);
  }

  #key(event: KeyboardEvent): void {
    const changes: Record<string, (camera: Camera) => Camera> = event.shiftKey
      ? {
          ArrowLeft: (one) => shifted(one, SHIFT, 0), ArrowRight: (one) => shifted(one, -SHIFT, 0),
          ArrowUp: (one) => shifted(one, 0, -SHIFT), ArrowDown: (one) => shifted(one, 0, SHIFT),
        }
      : {
          ArrowLeft: (one) => turned(one, -TURN, 0), ArrowRight: (one) => turned(one, TURN, 0),
          ArrowUp: (one) => turned(one, 0, TURN), ArrowDown: (one) => turned(one, 0, -TURN),
        };
    const zooms: Record<string, number> = { "+": 0.85, "=": 0.85, "-": 1.18 };
    const zoom = zooms[event.key];
    const change = changes[event.key] ?? (zoom === undefined ? undefined : (one: Camera) => nearer(one, zoom));
    if (change === undefined) return;
    event.preventDefault();
    this.move(change);
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    this.move((camera) => nearer(camera, Math.exp(Math.max(-1, Math.min(1, event.deltaY / 400)))));
  }

  /** One pointer turns (or moves, with the right button or Shift), two move and zoom. */
  #points(): void {
    const points = new Map<number, readonly [number, number]>();
    const canvas = this.#canvas;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      points.set(event.pointerId, [event.clientX, event.clientY]);
    });
    const end = (event: PointerEvent): void => void points.delete(event.pointerId);
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointermove", (event) => {
      const before = points.get(event.pointerId);
      if (before === undefined) return;
      const here = [event.clientX, event.clientY] as const;
      const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
      const other = [...points].find(([id]) => id !== event.pointerId)?.[1];
      points.set(event.pointerId, here);
      const height = Math.max(1, this.clientHeight);
      if (other !== undefined) {
        const [was, is] = [before, here].map((one) => Math.hypot(one[0] - other[0], one[1] - other[1]));
        this.move((camera) => shifted(nearer(camera, (was ?? 1) / Math.max(1, is ?? 1)), -dx / height / 2, dy / height / 2));
      } else if (event.shiftKey || event.buttons > 1) {
        this.move((camera) => shifted(camera, -dx / height, dy / height));
      } else {
        this.move((camera) => turned(camera, -dx / 150, dy / 150));
      }
    });
  }

  /** Says to those who do not see it what it is. */
  describe(words: string): void {
    this.setAttribute("aria-label", `${t("screen")} ${words}`);
  }
}
customElements.define("gcode-screen", GcodeScreen);

function program(gl: WebGL2RenderingContext): WebGLProgram | null {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) return null; // the context is lost
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (gl.getProgramParameter(made, gl.LINK_STATUS) || gl.isContextLost()) return made;
  throw new Error(gl.getProgramInfoLog(made) ?? "The graphics card refuses the shaders.");
}

function filled(gl: WebGL2RenderingContext, data: Float32Array | Uint32Array): WebGLBuffer {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, data as Float32Array<ArrayBuffer>, gl.STATIC_DRAW);
  return buffer;
}

function arrayOf(gl: WebGL2RenderingContext, places: WebGLBuffer, codes: WebGLBuffer | null): WebGLVertexArrayObject {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, places);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  if (codes !== null) {
    gl.bindBuffer(gl.ARRAY_BUFFER, codes);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_INT, 0, 0);
  }
  gl.bindVertexArray(null);
  return array;
}

/** Lines on the bed below and round a box, 10 mm apart, or 50 or 250 for large ones. */
function grid(low: readonly number[], high: readonly number[]): Float32Array {
  const size = Math.max((high[0] ?? 0) - (low[0] ?? 0), (high[1] ?? 0) - (low[1] ?? 0));
  const step = size > 2000 ? 250 : size > 400 ? 50 : 10;
  const [left, front] = [low[0] ?? 0, low[1] ?? 0].map((one) => Math.floor(one / step - 0.5) * step) as [number, number];
  const [right, back] = [high[0] ?? 0, high[1] ?? 0].map((one) => Math.ceil(one / step + 0.5) * step) as [number, number];
  const lines: number[] = [];
  if (right - left > 500 * step || back - front > 500 * step) return new Float32Array();
  for (let x = left; x <= right; x += step) lines.push(x, front, 0, x, back, 0);
  for (let y = front; y <= back; y += step) lines.push(left, y, 0, right, y, 0);
  return new Float32Array(lines);
}

declare global {
  interface HTMLElementTagNameMap {
    "gcode-screen": GcodeScreen;
  }
}
