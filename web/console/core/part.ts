/** The base of everything that is shown. */
import { LitElement } from "lit";
import type { Store } from "./store.js";
import { locale } from "./words.js";

/**
 * An element in the light DOM (so that one style sheet and aria ids reach everything) that renders
 * again when the language or a store that it watches changes.
 */
export abstract class Part extends LitElement {
  readonly #watched = new Map<Store<unknown>, (() => void) | null>();
  readonly #used = new Set<Store<unknown>>(); // by the last rendering

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Returns a store's value, and renders again when that changes; for use in `render`. */
  protected watch<T>(store: Store<T>): T {
    const one = store as Store<unknown>;
    this.#used.add(one);
    if (!this.#watched.has(one)) this.#watched.set(one, one.watch(() => this.requestUpdate()));
    return store.value;
  }

  /** Lets go of what a rendering used before and this one did not, such as another printer. */
  protected override performUpdate(): void {
    this.#used.clear();
    this.watch(locale);
    super.performUpdate();
    for (const [store, stop] of this.#watched) {
      if (this.#used.has(store)) continue;
      stop?.();
      this.#watched.delete(store);
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.watch(locale);
    for (const [store, stop] of this.#watched) {
      if (stop === null) this.#watched.set(store, store.watch(() => this.requestUpdate()));
    }
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const [store, stop] of this.#watched) {
      stop?.();
      this.#watched.set(store, null);
    }
  }
}
