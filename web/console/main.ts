import "./style.css";
import "./app.js";
import { keepFocus } from "./core/focus.js";
import { follow, startClock } from "./core/live.js";
import { takeKey } from "./core/operator.js";
import { notifyOfRequests } from "./parts/notify.js";
import { followLinks } from "./core/pages.js";
import { showTheme } from "./core/theme.js";
import { trustedUrl } from "./core/worker.js";
import { locale } from "./core/words.js";

takeKey();
showTheme();
document.documentElement.lang = locale.value;
followLinks();
keepFocus();
startClock();
notifyOfRequests();
follow();

// The shell of the console is there when the hub is not, and says so. What is shown is never kept.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker
    .register(trustedUrl("/console/sw.js"), { scope: "/console/" })
    .catch(() => undefined); // a private window, or a certificate that nobody imported
}
