import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "system",
  title: () => t("title"),
  icon: svg`<path d="M3 12h4l3-8 4 16 3-8h4"></path>`,
  order: 80,
  load: () => import("./view.js"),
};
