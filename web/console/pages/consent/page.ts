import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "consent",
  title: () => t("title"),
  icon: svg`<path d="M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6z"></path><path d="M9 12l2 2 4-4"></path>`,
  order: 40,
  badge: (state) => state.requests.length,
  load: () => import("./view.js"),
};
