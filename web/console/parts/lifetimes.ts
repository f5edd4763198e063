/** How long an approval holds, as choices; and the scopes it has. */
import { html, type TemplateResult } from "lit";
import { words } from "../core/words.js";
import { said } from "./said.js";

const t = words({
  long: ["For how long", "許可する期間"],
  once: ["Once", "今回のみ"],
  onceText: ["an hour at most; after that it asks again", "最長1時間。その後は再度確認します"],
  day: ["For a day", "1日"],
  always: ["Until I revoke it", "取り消すまで"],
  alwaysText: ["180 days at most", "最長180日"],
  use: ["use “{scope}”", "「{scope}」の利用"],
});

export const LIFETIMES = ["once", "day", "always"] as const;
export type Lifetime = (typeof LIFETIMES)[number];

/** What a scope allows, in words. */
export function scopeWords(scope: string, text: string | undefined): string {
  return text ? said(text) : t("use", { scope });
}

/** Radio buttons; `group` is what no other group of the page is called. */
export function lifetimes(group: string, chosen: string, choose: (to: Lifetime) => void): TemplateResult {
  const more = { once: t("onceText"), day: "", always: t("alwaysText") };
  return html`<fieldset><legend>${t("long")}</legend>
    ${LIFETIMES.map((one) => html`<label class="choice">
      <input type="radio" name=${group} value=${one} .checked=${one === chosen} @change=${() => choose(one)}>
      <span>${t(one)} <small>${more[one]}</small></span></label>`)}
  </fieldset>`;
}

/** A check box for each scope. */
export function scopeBoxes(
  legend: string,
  scopes: readonly { readonly scope: string; readonly words: string }[],
  chosen: ReadonlySet<string>,
  toggle: (scope: string, on: boolean) => void,
): TemplateResult {
  return html`<fieldset><legend>${legend}</legend>
    ${scopes.map(({ scope, words }) => html`<label class="choice">
      <input type="checkbox" value=${scope} .checked=${chosen.has(scope)}
        @change=${(event: Event) => toggle(scope, (event.currentTarget as HTMLInputElement).checked)}>
      <span><bdi>${scopeWords(scope, words)}</bdi> <code>${scope}</code></span></label>`)}
  </fieldset>`;
}
