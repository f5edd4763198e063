/** One drawing: pixels, what was undone, and the picture it began with. */
export const WIDTH = 600;
export const HEIGHT = 800;
const UNDOS = 12; // two megabytes each
const LIKE = 40; // RGB distance that is still the colour of the paper
const OPAQUE = 128;

export type Tool = "pen" | "fill" | "eraser" | "restore";

export interface Brush {
  readonly tool: Tool;
  readonly colour: string;
  readonly size: number; // pixels of the sheet
  readonly mirror: boolean;
}

/** What a guide is: opaque where the figure is, as large as the sheet. */
export type Shape = HTMLCanvasElement;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export class Sheet {
  readonly canvas = document.createElement("canvas");
  readonly #pen: CanvasRenderingContext2D;
  /** The picture that was put in, for the brush that brings it back. */
  #original: HTMLCanvasElement | null = null;
  #undo: ImageData[] = [];
  #redo: ImageData[] = [];

  constructor(private readonly changed: () => void) {
    this.canvas.width = WIDTH;
    this.canvas.height = HEIGHT;
    this.#pen = this.canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
    this.#pen.lineCap = this.#pen.lineJoin = "round";
  }

  get canUndo(): boolean { return this.#undo.length > 0; }
  get canRedo(): boolean { return this.#redo.length > 0; }
  get hasPicture(): boolean { return this.#original !== null; }

  /** Tells whether anything was drawn. */
  get empty(): boolean {
    const { data } = this.#all();
    for (let index = 3; index < data.length; index += 4) if ((data[index] as number) > 8) return false;
    return true;
  }

  /** Remembers how it is now; called before something is changed. */
  begin(): void {
    this.#undo = [...this.#undo.slice(1 - UNDOS), this.#all()];
    this.#redo = [];
  }

  /** Draws from one place to another. */
  stroke(from: Point, to: Point, brush: Brush): void {
    if (brush.tool === "restore") this.#bringBack(from, to, brush);
    else this.#line(this.#pen, from, to, brush);
    if (brush.mirror) {
      const [first, second] = [mirrored(from), mirrored(to)];
      if (brush.tool === "restore") this.#bringBack(first, second, brush);
      else this.#line(this.#pen, first, second, brush);
    }
  }

  /** Fills what has the colour of a place. */
  flood(at: Point, colour: string): void {
    this.begin();
    const image = this.#all();
    const start = (Math.floor(at.y) * WIDTH + Math.floor(at.x)) * 4;
    spread(image, [start / 4], rgba(colour), 32);
    this.#pen.putImageData(image, 0, 0);
    this.changed();
  }

  /** Says that a stroke is at its end. */
  end(): void {
    this.changed();
  }

  /** Puts a picture in, whole and in the middle. */
  put(picture: ImageBitmap): void {
    this.begin();
    const scale = Math.min(WIDTH / picture.width, HEIGHT / picture.height);
    const [wide, high] = [picture.width * scale, picture.height * scale];
    this.#pen.clearRect(0, 0, WIDTH, HEIGHT);
    this.#pen.drawImage(picture, (WIDTH - wide) / 2, (HEIGHT - high) / 2, wide, high);
    this.#original = copy(this.canvas);
    this.changed();
  }

  /** Makes see-through what has the colour of the edge and is reached from there. */
  withoutPaper(): void {
    this.begin();
    const image = this.#all();
    withoutPaper(image);
    this.#pen.putImageData(image, 0, 0);
    this.changed();
  }

  /** Draws a shape on what is there. */
  stamp(shape: Shape): void {
    this.begin();
    this.#pen.drawImage(shape, 0, 0);
    this.changed();
  }

  clear(): void {
    this.begin();
    this.#pen.clearRect(0, 0, WIDTH, HEIGHT);
    this.#original = null;
    this.changed();
  }

  undo(): void { this.#swap(this.#undo, this.#redo); }
  redo(): void { this.#swap(this.#redo, this.#undo); }

  /** The drawing as PNG; its paper is see-through. */
  png(): Promise<Blob> {
    return new Promise((resolve, reject) => {
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture"))), "image/png");
    });
  }

  /** Shows what was kept, without a change. */
  async load(png: Blob): Promise<void> {
    const picture = await createImageBitmap(png);
    this.#pen.clearRect(0, 0, WIDTH, HEIGHT);
    this.#pen.drawImage(picture, 0, 0, WIDTH, HEIGHT);
  }

  #all(): ImageData {
    return this.#pen.getImageData(0, 0, WIDTH, HEIGHT);
  }

  #line(pen: CanvasRenderingContext2D, from: Point, to: Point, brush: Brush): void {
    pen.globalCompositeOperation = brush.tool === "eraser" ? "destination-out" : "source-over";
    pen.strokeStyle = brush.colour;
    pen.lineWidth = brush.size;
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x + 0.01, to.y); // a line without length is not drawn
    pen.stroke();
    pen.globalCompositeOperation = "source-over";
  }

  #bringBack(from: Point, to: Point, brush: Brush): void {
    if (this.#original === null) return;
    const stencil = document.createElement("canvas");
    stencil.width = WIDTH;
    stencil.height = HEIGHT;
    const pen = stencil.getContext("2d") as CanvasRenderingContext2D;
    pen.lineCap = "round";
    this.#line(pen, from, to, { ...brush, tool: "pen", colour: "#000000" });
    pen.globalCompositeOperation = "source-in";
    pen.drawImage(this.#original, 0, 0);
    this.#pen.drawImage(stencil, 0, 0);
  }

  #swap(from: ImageData[], to: ImageData[]): void {
    const image = from.pop();
    if (image === undefined) return;
    to.push(this.#all());
    this.#pen.putImageData(image, 0, 0);
    this.changed();
  }
}

function mirrored({ x, y }: Point): Point {
  return { x: WIDTH - x, y };
}

function copy(canvas: HTMLCanvasElement): HTMLCanvasElement {
  const made = document.createElement("canvas");
  made.width = canvas.width;
  made.height = canvas.height;
  made.getContext("2d")?.drawImage(canvas, 0, 0);
  return made;
}

function rgba(colour: string): [number, number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255, 255];
}

/** Makes see-through what has the colour of the edge and is reached from there. */
export function withoutPaper(image: ImageData): void {
  spread(image, edge(image), [0, 0, 0, 0], LIKE);
}

/** The pixels of the border that are opaque. */
function edge({ data }: ImageData): number[] {
  const found: number[] = [];
  const [left, right, top, bottom] = bounds(data);
  for (let x = left; x <= right; x += 1) found.push(top * WIDTH + x, bottom * WIDTH + x);
  for (let y = top; y <= bottom; y += 1) found.push(y * WIDTH + left, y * WIDTH + right);
  return found;
}

/** Left, right, top, bottom of what is opaque: a picture may not fill the sheet. */
function bounds(data: Uint8ClampedArray): [number, number, number, number] {
  let [left, right, top, bottom] = [WIDTH - 1, 0, HEIGHT - 1, 0];
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      if ((data[(y * WIDTH + x) * 4 + 3] as number) < OPAQUE) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return [left, right, top, bottom];
}

/** Colours all pixels that are reached from the seeds over pixels like the seed's own colour. */
function spread(image: ImageData, seeds: readonly number[], to: readonly number[], like: number): void {
  const { data } = image;
  const seen = new Uint8Array(WIDTH * HEIGHT);
  const most = like * like * 3;
  for (const seed of seeds) {
    if (seen[seed]) continue;
    const base = data.slice(seed * 4, seed * 4 + 4);
    const stack = [seed];
    while (stack.length > 0) {
      const pixel = stack.pop() as number;
      if (seen[pixel] || !near(data, pixel * 4, base, most)) continue;
      seen[pixel] = 1;
      const x = pixel % WIDTH;
      if (x > 0) stack.push(pixel - 1);
      if (x < WIDTH - 1) stack.push(pixel + 1);
      if (pixel >= WIDTH) stack.push(pixel - WIDTH);
      if (pixel < WIDTH * (HEIGHT - 1)) stack.push(pixel + WIDTH);
    }
  }
  for (let pixel = 0; pixel < seen.length; pixel += 1) {
    if (seen[pixel]) data.set(to, pixel * 4);
  }
}

function near(data: Uint8ClampedArray, at: number, base: Uint8ClampedArray, most: number): boolean {
  const alpha = (data[at + 3] as number) - (base[3] as number);
  if (Math.abs(alpha) > 96) return false;
  if ((base[3] as number) < 16) return true; // nothing is drawn: its colour does not count
  let sum = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    sum += ((data[at + channel] as number) - (base[channel] as number)) ** 2;
  }
  return sum <= most;
}
