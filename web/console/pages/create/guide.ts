/** Guides: pictures of a template, of whatever creation service, as shapes that fit the sheet. */
import { fetched, pathOf, VIEWS, type Template, type View } from "./making.js";
import { HEIGHT, WIDTH, withoutPaper, type Shape } from "./sheet.js";

/** The figure seen from each side that there is a picture of. */
export type Guides = ReadonlyMap<View, Shape>;

const MARGIN = 40; // pixels of the sheet that stay free round the figure
const SEEN = 24; // of 255; guides are often half transparent
const ADDRESS: Readonly<Record<View, keyof Template>> = {
  front: "2DsilhouetteImgUrl", right: "rightSilhouetteImgUrl", back: "backSilhouetteImgUrl",
};

/** Fetches a template's guides through the hub. Fails where the front's cannot be had. */
export async function guidesOf(template: Template): Promise<Guides> {
  const found = new Map<View, Shape>();
  await Promise.all(VIEWS.map(async (view) => {
    const address = template[ADDRESS[view]];
    if (typeof address !== "string" || address === "") return;
    try {
      const shape = shapeOf(await createImageBitmap(new Blob([await fetched(pathOf(address))])));
      if (shape !== null) found.set(view, shape);
    } catch (error) {
      if (view === "front") throw error; // without the others one can draw
    }
  }));
  const front = found.get("front");
  if (front !== undefined && !found.has("back")) found.set("back", drawn((pen) => {
    pen.scale(-1, 1); // the outline from behind is that from the front, mirrored
    pen.drawImage(front, -WIDTH, 0);
  }));
  return found;
}

/** The figure of a picture, as large as the sheet takes it; null where nothing is to be seen. */
function shapeOf(picture: ImageBitmap): Shape | null {
  const whole = drawn((pen) => {
    const scale = Math.min(WIDTH / picture.width, HEIGHT / picture.height);
    pen.drawImage(picture, 0, 0, picture.width * scale, picture.height * scale);
    const image = pen.getImageData(0, 0, WIDTH, HEIGHT);
    if (opaque(image, picture.width * scale, picture.height * scale)) withoutPaper(image);
    for (let at = 3; at < image.data.length; at += 4) {
      image.data[at] = (image.data[at] as number) < SEEN ? 0 : 255;
    }
    pen.putImageData(image, 0, 0);
  });
  const [left, top, wide, high] = box(whole);
  if (wide <= 0) return null;
  const scale = Math.min((HEIGHT - 2 * MARGIN) / high, (WIDTH - MARGIN) / wide);
  return drawn((pen) => {
    const at = [(WIDTH - wide * scale) / 2, (HEIGHT - high * scale) / 2] as const;
    pen.drawImage(whole, left, top, wide, high, ...at, wide * scale, high * scale);
  });
}

/** Tells whether a picture has paper: its corners are not see-through. */
function opaque({ data }: ImageData, wide: number, high: number): boolean {
  const [right, bottom] = [Math.floor(wide) - 2, Math.floor(high) - 2];
  const corners = [[1, 1], [right, 1], [1, bottom], [right, bottom]] as const;
  return corners.every(([x, y]) => (data[(y * WIDTH + x) * 4 + 3] as number) >= 128);
}

/** Left, top, width and height of what is drawn. */
function box(shape: Shape): [number, number, number, number] {
  const { data } = (shape.getContext("2d") as CanvasRenderingContext2D).getImageData(0, 0, WIDTH, HEIGHT);
  let [left, right, top, bottom] = [WIDTH, -1, HEIGHT, -1];
  for (let at = 3, pixel = 0; at < data.length; at += 4, pixel += 1) {
    if (data[at] === 0) continue;
    const x = pixel % WIDTH;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, Math.floor(pixel / WIDTH));
    bottom = Math.floor(pixel / WIDTH);
  }
  return [left, top, right - left + 1, bottom - top + 1];
}

/** The shape in a colour. */
export function tinted(shape: Shape, colour: string): Shape {
  return drawn((pen) => {
    pen.drawImage(shape, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = colour;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
  });
}

/** A line round the shape. */
export function outlined(shape: Shape, colour: string): Shape {
  const inner = tinted(shape, colour);
  return drawn((pen) => {
    for (let turn = 0; turn < 8; turn += 1) {
      const angle = (turn * Math.PI) / 4;
      pen.drawImage(inner, 2 * Math.cos(angle), 2 * Math.sin(angle));
    }
    pen.globalCompositeOperation = "destination-out";
    pen.drawImage(shape, 0, 0);
  });
}

function drawn(draw: (pen: CanvasRenderingContext2D) => void): Shape {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  draw(canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D);
  return canvas;
}
