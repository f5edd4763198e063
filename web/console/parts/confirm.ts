/** Asks the user before something is done that cannot be taken back. */
import { html, render } from "lit";
import { words } from "../core/words.js";

const t = words({ cancel: ["Cancel", "キャンセル"] });

/** What is asked; `action` is the word on the button that does it. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly danger?: boolean;
}

/** Shows a dialog; resolves to whether the user wants it. */
export function confirmed(question: Question): Promise<boolean> {
  const holder = document.createElement("div");
  document.body.append(holder);
  render(
    html`<dialog class="dialog" aria-labelledby="question-title" aria-describedby="question-text">
      <h2 id="question-title">${question.title}</h2>
      <p id="question-text">${question.text}</p>
      <form method="dialog" class="buttons" @submit=${keepForm}>
        <button type="button" value="no" autofocus @click=${close}>${t("cancel")}</button>
        <button type="button" value="yes" class=${question.danger ? "danger" : "primary"}
          @click=${close}>${question.action}</button>
      </form>
    </dialog>`,
    holder,
  );
  const dialog = holder.querySelector("dialog") as HTMLDialogElement;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      holder.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

function close(event: Event): void {
  const button = event.currentTarget as HTMLButtonElement;
  button.closest("dialog")?.close(button.value);
}

function keepForm(event: Event): void {
  event.preventDefault(); // the security policy sends no forms
}
