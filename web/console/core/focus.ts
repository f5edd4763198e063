/** Keeps the keyboard's place: what had the focus may go, as after an answer or with its page. */

/** Moves the focus to the page when the element that had it is taken away; called once. */
export function keepFocus(): void {
  let last: Element | null = null;
  document.addEventListener("focusin", (event) => { last = event.target as Element; });
  document.addEventListener("focusout", () => queueMicrotask(() => {
    if (last?.isConnected && document.activeElement === document.body) last = null; // a click beside it
  }));
  new MutationObserver(() => {
    if (last === null || last.isConnected || document.activeElement !== document.body) return;
    last = null;
    document.getElementById("page")?.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
}
