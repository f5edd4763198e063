/** A button that takes only a press that was meant for it. */
import { html } from "lit";
import { property } from "lit/decorators.js";
import { Part } from "../core/part.js";

const SETTLE = 500; // ms a button must have stood in view, in one place, before it takes a press
const LOOK = 100; // ms between two looks at where it stands

/**
 * A button for decisions: `<guarded-button .label=${...} ?allowed=${...} @press=${...}>`. A press
 * counts when it began while the button had stood still in view for half a second, came from a
 * person, and is not a key that was held down. Until then it has aria-disabled, which keeps the
 * focus.
 */
export class GuardedButton extends Part {
  @property() label = "";
  @property() kind = "";
  @property() describedby = "";
  @property({ type: Boolean }) allowed = true;

  #live = false;
  #began: boolean | null = null; // whether the button was live when the press under way began
  #since = 0;
  #place = "";
  #timer: ReturnType<typeof setInterval> | undefined;

  protected override render() {
    return html`<button type="button" class=${this.kind} aria-disabled=${!this.#live}
      aria-describedby=${this.describedby} @pointerdown=${this.#begin} @keydown=${this.#onKey}
      @blur=${() => { this.#began = null; }} @click=${this.#onClick}>${this.label}</button>`;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#arm();
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#live = false;
  }

  #arm(): void {
    this.#since = performance.now();
    this.#set(false);
  }

  #look(): void {
    const place = this.#where();
    if (place !== this.#place || !place || !this.allowed) {
      this.#place = place;
      this.#arm();
    } else if (performance.now() - this.#since >= SETTLE) {
      this.#set(true);
    }
  }

  /** Where it stands, as text; empty where nobody can see it. */
  #where(): string {
    const button = this.firstElementChild;
    if (!button || document.visibilityState !== "visible" || !document.hasFocus()) return "";
    const { x, y, width, height } = button.getBoundingClientRect();
    const seen = width > 0 && x >= 0 && y >= 0 && x + width <= innerWidth && y + height <= innerHeight;
    return seen ? [x, y, width].map(Math.round).join(" ") : "";
  }

  #set(live: boolean): void {
    if (live !== this.#live) {
      this.#live = live;
      this.requestUpdate();
    }
  }

  #begin(): void {
    this.#began = this.#live && this.#where() === this.#place;
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key !== "Enter" && event.key !== " ") return;
    if (event.repeat) {
      event.preventDefault();
      this.#began = false; // the release of a held space key is no press either
    } else {
      this.#begin();
    }
  }

  #onClick(event: MouseEvent): void {
    const meant = event.isTrusted && this.#live && this.#began !== false;
    this.#began = null;
    if (meant) this.dispatchEvent(new CustomEvent("press"));
  }
}
customElements.define("guarded-button", GuardedButton);
