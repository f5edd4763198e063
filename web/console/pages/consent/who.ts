/** Who asks, in words that say what the hub knows of them and what it does not. */
import type { RequestView } from "../../core/model.js";
import { t } from "./text.js";

export interface Who {
  readonly kind: string;
  readonly label: string;
  readonly hint: string;
}

const LOCAL = /^https?:\/\/(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/;

export function whoAsks({ browser, origin }: RequestView): Who {
  if (!browser) return { kind: t("program"), label: t("saysItIs"), hint: t("programHint") };
  if (origin === "null") return { kind: t("noAddress"), label: t("address"), hint: t("noAddressHint") };
  if (LOCAL.test(origin)) return { kind: t("local"), label: t("from"), hint: t("localHint") };
  const open = origin.startsWith("http://") ? ` ${t("openHint")}` : "";
  return { kind: t("web"), label: t("from"), hint: t("webHint") + open };
}
