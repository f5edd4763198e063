/** The files that applications keep at the hub. */
import { html, nothing } from "lit";
import { act, read } from "../../core/operator.js";
import { Part } from "../../core/part.js";
import { bytes, date } from "../../core/words.js";
import { confirmed } from "../../parts/confirm.js";
import { inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import { t } from "./text.js";

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly received: number;
  readonly application: string;
  readonly plugin: string;
  readonly created: number;
}

interface Files {
  readonly blobs: readonly Listed[];
  readonly count: number;
  readonly bytes: number;
}

class ApplicationFiles extends Part {
  #files: Files | null = null;
  #failure: unknown;
  #wanted = false;

  protected override render() {
    return html`<section class="stack"><h2>${t("files")}</h2>${this.#content()}</section>`;
  }

  #content() {
    if (!this.#wanted) {
      return html`<p><button type="button" class="quiet" @click=${this.#load}>${t("filesShow")}</button></p>`;
    }
    if (this.#failure !== undefined) return problem(this.#failure, () => this.#load());
    if (this.#files === null) return loading();
    const { blobs, count, bytes: all } = this.#files;
    if (count === 0) return html`<p class="soft">${t("filesNone")}</p>`;
    return html`<p class="soft">${t("filesSum", { count, size: bytes(all) })}</p>
      <ul class="stack">${blobs.map((one) => this.#row(one))}</ul>`;
  }

  #row(one: Listed) {
    const size = one.received < one.size ? `${bytes(one.received)} / ${bytes(one.size)}` : bytes(one.size);
    return html`<li class="card"><div class="head"><h3><bdi>${one.name || one.id}</bdi></h3>
      <button type="button" class="quiet" aria-label=${`${t("remove")} ${one.name}`}
        @click=${() => this.#remove(one)}>${t("remove")}</button></div>
      <p class="soft">${size} · <bdi>${one.application}</bdi>
        ${one.plugin ? html`· <bdi>${t("made", { plugin: one.plugin })}</bdi>` : nothing} · ${date(one.created, true)}</p></li>`;
  }

  async #load(): Promise<void> {
    this.#wanted = true;
    this.#failure = undefined;
    this.requestUpdate();
    try {
      this.#files = await read<Files>("api/blobs");
    } catch (error) {
      this.#failure = error;
    }
    this.requestUpdate();
  }

  async #remove({ id, name }: Listed): Promise<void> {
    const sure = await confirmed({
      title: t("removeTitle", { name }), text: t("removeText"), action: t("remove"), danger: true,
    });
    if (!sure) return;
    try {
      await act("api/blob-delete", { id });
      tell(t("removed", { name }));
    } catch (error) {
      tell(inWords(error), "bad");
    }
    await this.#load();
  }
}
customElements.define("application-files", ApplicationFiles);

