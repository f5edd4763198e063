/** Tells of new requests for access: on every page, and beside it where the user allowed that. */
import { hubState } from "../core/live.js";
import type { HubState } from "../core/model.js";
import { Store } from "../core/store.js";
import { words } from "../core/words.js";
import { tell } from "./toast.js";

const t = words({
  asks: ["{name} asks for access.", "「{name}」がアクセスを求めています。"],
  look: ["Open the console to decide.", "コンソールで許可または拒否してください。"],
});

/** What the browser's user said about notifications; "none" where it has none. */
export const permission = new Store<NotificationPermission | "none">(
  "Notification" in globalThis ? Notification.permission : "none",
);

/** Asks the browser's user. */
export async function askToNotify(): Promise<void> {
  permission.set(await Notification.requestPermission());
}

/** Follows the requests; called once. */
export function notifyOfRequests(): void {
  let known: Set<string> | null = null;
  hubState.watch((state: HubState | null) => {
    // The console's own is approved by itself; whoever is signed in here has said so by that.
    const requests = (state?.requests ?? []).filter((one) => one.origin !== location.origin);
    const fresh = known === null ? [] : requests.filter((one) => !known?.has(one.code));
    if (state !== null) known = new Set(requests.map((one) => one.code));
    for (const { name, code } of fresh) {
      const text = t("asks", { name });
      tell(text);
      if (permission.value === "granted" && document.visibilityState === "hidden") {
        const shown = new Notification(text, { body: t("look"), tag: code, icon: "/console/icon.svg" });
        shown.onclick = () => { window.focus(); shown.close(); };
      }
    }
  });
}
