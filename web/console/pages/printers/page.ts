import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "printers",
  title: () => t("title"),
  icon: svg`<path d="M6 9V3h12v6"></path><rect x="3" y="9" width="18" height="9" rx="2"></rect><path d="M8 18v3h8v-3M12 12v3"></path>`,
  order: 20,
  load: () => import("./view.js"),
};
