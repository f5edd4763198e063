import "./style.css";
import "./app.js";
import { follow, startClock } from "./core/live.js";
import { takeKey } from "./core/operator.js";
import { notifyOfRequests } from "./parts/notify.js";
import { followLinks } from "./core/pages.js";
import { showTheme } from "./core/theme.js";
import { locale } from "./core/words.js";

takeKey();
showTheme();
document.documentElement.lang = locale.value;
followLinks();
startClock();
notifyOfRequests();
follow();
