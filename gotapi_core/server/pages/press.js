// A button that takes only a press that was meant for it.

export const SETTLE = 500; // ms a button must have been in view before it takes a press

/**
 * Guards a button. It is live only when it has been in view, in one place, for SETTLE ms. A press
 * counts when it began while the button was live, came from a person, and is not a key that was
 * held down. `arm` starts the time anew; aria-disabled is used, not disabled, so that the button
 * keeps the focus meanwhile.
 */
export class GuardedButton {
  constructor(element, onPress) {
    this.element = element;
    this.live = false;
    this.allowed = true;
    this.timer = 0;
    this.began = null; // whether the button was live when the press under way began
    element.addEventListener("pointerdown", () => this.begin());
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("blur", () => { this.began = null; });
    element.addEventListener("click", (event) => {
      const meant = event.isTrusted && this.live && this.began !== false;
      this.began = null;
      if (meant) {
        onPress();
      }
    });
    this.watcher = new IntersectionObserver((entries) => {
      this.inView = entries.at(-1).isIntersecting;
      this.arm();
    }, { threshold: 0.9 });
    this.inView = false;
    this.watcher.observe(element);
    this.show();
  }

  /** Makes the button wait again; call when what it stands beside was shown or moved. */
  arm() {
    clearTimeout(this.timer);
    this.live = false;
    this.show();
    if (this.inView && this.allowed && document.visibilityState === "visible") {
      this.timer = setTimeout(() => {
        this.live = true;
        this.show();
      }, SETTLE);
    }
  }

  /** Says whether the button may be pressed at all. */
  allow(allowed) {
    if (this.allowed !== allowed) {
      this.allowed = allowed;
      this.arm();
    }
  }

  /** Ends the guard of a button that is taken away. */
  close() {
    clearTimeout(this.timer);
    this.watcher.disconnect();
    this.live = false;
  }

  begin() {
    this.began = this.live;
  }

  onKey(event) {
    if (event.key !== "Enter" && event.key !== " ") {
      return;
    }
    if (event.repeat) {
      event.preventDefault();
      this.began = false; // the release of a held space key is no press either
    } else {
      this.begin();
    }
  }

  show() {
    this.element.setAttribute("aria-disabled", String(!this.live));
  }
}
