/** What a file is that is put in as a picture, told by its first bytes; not by its name, which may say anything. */
import { bytes } from "../../core/words.js";
import { t } from "./text.js";

export type Kind = "png" | "jpeg" | "webp" | "gif" | "heic" | "tiff" | "pdf" | "svg" | "text" | "other";

/** What was found; sizes are 0 where they are not told at the beginning. */
export interface Found {
  readonly kind: Kind;
  readonly width: number;
  readonly height: number;
  /** Whether its end is missing. */
  readonly cut: boolean;
}

const MOST = 64_000_000; // pixels: 256 MB when it is decoded
const LARGEST = 20_000_000; // bytes
const HEAD = 256 * 1024; // bytes looked at: the size of a JPEG stands behind its preview
const TAIL = 64 * 1024; // bytes in which the end of a picture is looked for: some put more behind it
const READABLE: readonly Kind[] = ["png", "jpeg", "webp", "gif"];
const HEIC = ["heic", "heix", "hevc", "hevx", "mif1", "msf1"];

/** A picture that was read, and what its user should know of it; or only why it was not. */
export interface Read {
  readonly picture: ImageBitmap | null;
  readonly words: string;
}

/** Reads a picture, or says in words what is wrong with the file and what to do. */
export async function readPicture(file: File): Promise<Read> {
  const { name } = file;
  const no = (words: string): Read => ({ picture: null, words });
  if (file.size === 0) return no(t("fileEmpty", { name }));
  if (file.size > LARGEST) return no(t("tooLarge", { name, size: bytes(file.size) }));
  const part = async (from: number, to: number): Promise<Uint8Array> =>
    new Uint8Array(await file.slice(from, to).arrayBuffer());
  let found: Found;
  try {
    found = judge(await part(0, HEAD), await part(Math.max(0, file.size - TAIL), file.size));
  } catch {
    return no(t("fileUnread", { name })); // a folder, or a file that was moved meanwhile
  }
  const { kind, width, height } = found;
  if (kind === "other") return no(t("notPicture", { name }));
  if (!READABLE.includes(kind)) return no(t("otherKind", { name, kind: t(kind as "pdf") }));
  if (width * height > MOST) return no(t("manyPixels", { name, width, height }));
  try {
    const picture = await createImageBitmap(file);
    return { picture, words: found.cut ? t("pictureCut", { name }) : kind === "gif" ? t("onlyFirst", { name }) : "" };
  } catch {
    return no(found.cut ? t("cutShort", { name }) : t("pictureBroken", { name }));
  }
}

/** Tells what a file is by its beginning and its end. */
export function judge(head: Uint8Array, tail: Uint8Array): Found {
  const text = latin(head.subarray(0, 1024));
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const found = (kind: Kind, width = 0, height = 0, cut = false): Found => ({ kind, width, height, cut });
  if (text.startsWith("\x89PNG\r\n\x1a\n")) {
    if (head.length < 24) return found("png", 0, 0, true);
    return found("png", view.getUint32(16), view.getUint32(20), !latin(tail).includes("IEND"));
  }
  if (text.startsWith("\xff\xd8\xff")) return found("jpeg", ...ofJpeg(view), !latin(tail).includes("\xff\xd9"));
  if (/^GIF8[79]a/.test(text) && head.length >= 10) return found("gif", view.getUint16(6, true), view.getUint16(8, true));
  if (/^RIFF.{4}WEBP/s.test(text)) return found("webp", ...ofWebp(text, view));
  if (/^(II\*\0|MM\0\*)/.test(text)) return found("tiff");
  if (text.startsWith("%PDF-")) return found("pdf");
  if (text.slice(4, 8) === "ftyp" && HEIC.includes(text.slice(8, 12))) return found("heic");
  if (/^[\s\xef\xbb\xbf]*<(\?xml|!--|!DOCTYPE svg|svg)/i.test(text) && /<svg[\s>]/i.test(text)) return found("svg");
  return found(/[\0-\x08\x0e-\x1f]/.test(text) ? "other" : "text");
}

/** The size in the frame header, behind segments of any length (ITU-T T.81 B.1.1.3). */
function ofJpeg(view: DataView): [number, number] {
  for (let at = 2; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) break;
    const marker = view.getUint8(at + 1);
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return [0, 0];
}

/** The size of the canvas, in the header of each of the three forms (RFC 9649 2). */
function ofWebp(text: string, view: DataView): [number, number] {
  if (view.byteLength < 30) return [0, 0];
  const form = text.slice(12, 16);
  if (form === "VP8X") {
    const three = (at: number): number => 1 + view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
    return [three(24), three(27)];
  }
  if (form === "VP8L") {
    const bits = view.getUint32(21, true);
    return [1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff)];
  }
  return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
}

/** Each byte as one character. */
function latin(bytes: Uint8Array): string {
  let text = ""; // by hand: what browsers call latin1 is windows-1252
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
