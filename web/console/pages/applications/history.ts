/** What an application did, day by day. */
import { html, nothing, render } from "lit";
import type { ApplicationView } from "../../core/model.js";
import { read } from "../../core/operator.js";
import { date, number } from "../../core/words.js";
import { loading, problem } from "../../parts/states.js";
import { t } from "./text.js";

interface Use {
  readonly route: string;
  readonly count: number;
  readonly first: number;
  readonly last: number;
}

/** Shows a dialog with it. */
export function showHistory({ id, name }: ApplicationView): void {
  const holder = document.createElement("div");
  document.body.append(holder);
  const show = (content: unknown) => render(
    html`<dialog class="dialog" aria-labelledby="history-title" @close=${() => holder.remove()}>
      <h2 id="history-title"><bdi>${t("historyTitle", { name })}</bdi></h2>
      <div class="scroll" tabindex="0" role="group" aria-labelledby="history-title">${content}</div>
      <div class="buttons"><button type="button" autofocus
        @click=${() => holder.querySelector("dialog")?.close()}>${t("close")}</button></div>
    </dialog>`, holder);
  const load = () => {
    show(loading());
    read<{ uses: Use[] }>(`api/history?id=${encodeURIComponent(id)}`).then(
      ({ uses }) => show(uses.length === 0 ? html`<p>${t("historyNone")}</p>` : html`<ul class="stack">${uses.map(row)}</ul>`),
      (error: unknown) => show(problem(error, load)),
    );
  };
  load();
  holder.querySelector("dialog")?.showModal();
}

function row(use: Use) {
  const last = use.last - use.first > 60 ? html` – ${date(use.last, true)}` : nothing;
  return html`<li class="row-of"><span><code><bdi>${use.route}</bdi></code><br>
    <small>${date(use.first, true)}${last}</small></span>
    <span>${t("times", { count: number(use.count) })}</span></li>`;
}
