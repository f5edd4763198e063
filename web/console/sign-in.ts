/** What somebody sees who is not signed in. */
import { html, type TemplateResult } from "lit";
import { follow } from "./core/live.js";
import { words } from "./core/words.js";

const t = words({
  title: ["Sign in to this hub", "ハブにサインイン"],
  why: [
    "Pages, apps and scripts on this computer can use your printers and other devices through this hub, but only those that you allow. To decide that, and to see your devices, sign in.",
    "このハブを通じて、ページやアプリ、スクリプトがプリンターなどの機器を利用できます。利用できるのは許可したものだけです。許可や機器の確認にはサインインしてください。",
  ],
  how: [
    "Run this in a terminal as the user who runs the hub, and open the link that it prints:",
    "ハブを動かしているユーザーで、ターミナルから次のコマンドを実行し、表示されたリンクを開いてください:",
  ],
  lasts: [
    "A session lasts 12 hours, and ends when the hub is restarted.",
    "サインインは12時間有効です。ハブを再起動すると終了します。",
  ],
  again: ["I have signed in", "サインインしました"],
});

export function signInView(): TemplateResult {
  return html`<section class="card sign-in">
    <h2>${t("title")}</h2>
    <p>${t("why")}</p>
    <p>${t("how")}</p>
    <pre tabindex="0"><code>gotapi operator</code></pre>
    <p class="soft">${t("lasts")}</p>
    <p><button type="button" class="primary" @click=${follow}>${t("again")}</button></p>
  </section>`;
}
