// The section about TLS: how other machines find this hub, and by which key they know it.

import { ask } from "./hub.js";

const $ = (id) => document.getElementById(id);

/** Shows the section where the hub has TLS switched on; asked once, when the page is opened. */
export async function showTrust() {
  let tls;
  try {
    tls = await ask("api/tls");
  } catch {
    return; // the page says already what is wrong with the hub
  }
  $("trust").hidden = !tls.enabled;
  if (!tls.enabled) {
    return;
  }
  $("trust-fingerprint").textContent = tls.fingerprint;
  const code = new Image(196, 196);
  code.className = "qr";
  code.alt = `QR code of ${tls.link}`;
  code.src = tls.qr;
  $("trust-code").replaceChildren(code);
  $("trust-who").textContent = tls.lan
    ? "Other machines of your network can reach this hub. Scan the code with a phone, and compare "
      + "the fingerprint with what an application shows."
    : "TLS is on for this computer only.";
}
