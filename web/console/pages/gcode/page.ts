import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "gcode",
  title: () => t("title"),
  icon: svg`<path d="M4 18h16M6 14h12M4 10h16M8 6h8"></path><path d="M20 18v3H4v-3"></path>`,
  order: 55,
  load: () => import("./view.js"),
};
