// The page of a loopback redirect: loads itself again when the operator has answered.

const PAUSE = 1000; // ms between tries when the hub does not answer
const TRIES = 60; // without an answer, after which only the user tries again

async function waiting() {
  const answer = await fetch(`${location.pathname}/state${location.search}`, {
    cache: "no-store",
    signal: AbortSignal.timeout(35_000), // the hub holds it for 25 s at most
  });
  return (await answer.json()).waiting;
}

async function follow() {
  let left = TRIES;
  while (left > 0) {
    try {
      if (!(await waiting())) {
        location.reload(); // the hub sends it on to the application
        return;
      }
      left = TRIES;
    } catch {
      left -= 1;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
  document.getElementById("waiting").textContent =
    "The hub does not answer. Start it with “gotapi run”, then begin again in the application.";
}

follow();
