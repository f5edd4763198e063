/** The pages: every folder below pages/ that has a page.ts. */
import type { TemplateResult } from "lit";
import type { HubState } from "./model.js";
import { Store } from "./store.js";

/** What the shell knows of a page before its code is loaded. */
export interface Page {
  /** The last part of its address: /console/<path>. */
  readonly path: string;
  /** Its name in the navigation, in the language of now. */
  readonly title: () => string;
  /** Strokes of a 24 by 24 icon, as an `svg` template. */
  readonly icon: TemplateResult<2>;
  /** Where it stands in the navigation; the first four are in the bar of phones. */
  readonly order: number;
  /** How much there waits for the user. */
  readonly badge?: (state: HubState) => number;
  /** Loads the module that defines the element `page-<path>`. */
  readonly load: () => Promise<unknown>;
}

const found = import.meta.glob<{ page: Page }>("../pages/*/page.ts", { eager: true });

export const PAGES: readonly Page[] = Object.values(found)
  .map((module) => module.page)
  .sort((one, other) => one.order - other.order);

/** Where the user is: the page's path, and what stands after it in the address. */
export interface Place {
  readonly path: string;
  readonly rest: string;
}

export const place = new Store<Place>(read());

/** The address of a page. */
export function href(path: string, rest = ""): string {
  return `/console/${path}${rest ? `/${rest.split("/").map(encodeURIComponent).join("/")}` : ""}`;
}

/** Goes to an address of the console. */
export function navigate(to: string): void {
  if (to !== location.pathname) history.pushState(null, "", to);
  place.set(read());
  window.scrollTo(0, 0);
}

/** Takes clicks on links of the console, and the buttons back and forth; called once. */
export function followLinks(): void {
  window.addEventListener("popstate", () => place.set(read()));
  document.addEventListener("click", (event) => {
    const anchor = (event.target as Element | null)?.closest("a");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!anchor || !plain || event.defaultPrevented || anchor.target) return;
    const ours = anchor.pathname === "/" || anchor.pathname.startsWith("/console/");
    if (anchor.origin === location.origin && ours && !anchor.hasAttribute("download")) {
      event.preventDefault();
      navigate(anchor.pathname);
    }
  });
}

function read(): Place {
  const parts = location.pathname.split("/").filter(Boolean).map(decoded);
  const [path = PAGES[0]?.path ?? "", ...rest] = parts.slice(1);
  return { path, rest: rest.join("/") };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody typed a lone %
  }
}
