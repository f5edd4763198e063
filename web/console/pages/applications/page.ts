import { svg } from "lit";
import type { Page } from "../../core/pages.js";
import { t } from "./text.js";

export const page: Page = {
  path: "applications",
  title: () => t("title"),
  icon: svg`<rect x="3" y="3" width="7" height="7" rx="1.5"></rect><rect x="14" y="3" width="7" height="7" rx="1.5"></rect><rect x="3" y="14" width="7" height="7" rx="1.5"></rect><path d="M17.5 14v7M14 17.5h7"></path>`,
  order: 60,
  load: () => import("./view.js"),
};
