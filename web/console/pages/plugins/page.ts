import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "plugins",
  title: () => t("title"),
  icon: svg`<path d="M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3"></path>`,
  order: 70,
  badge: (state) => state.plugins.filter((one) => one.state === "pending" && one.digest).length,
  load: () => import("./view.js"),
};
