import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "create",
  title: () => t("title"),
  icon: svg`<path d="M4 20l4-1L19 8l-3-3L5 16z"></path><path d="M14 7l3 3"></path>`,
  order: 30,
  load: () => import("./view.js"),
};
