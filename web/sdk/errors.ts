/** What can go wrong; every message can be shown to a user. */
export class HubError extends Error {
  override name = "HubError";
}

/** Nobody answered: no hub runs there, or the browser did not let the page ask it. */
export class HubUnreachable extends HubError {
  override name = "HubUnreachable";
}

/** The browser's user, or a policy, keeps this page from the local network. */
export class LocalNetworkDenied extends HubUnreachable {
  override name = "LocalNetworkDenied";
}

/** What answered could not prove to be the hub that knows the key; nothing of it was used. */
export class HubImpostor extends HubError {
  override name = "HubImpostor";
}

/** What answered does not speak as a hub does. */
export class HubFault extends HubError {
  override name = "HubFault";
}

/** The hub refused; `code` is its result code. */
export class HubRefused extends HubError {
  override name = "HubRefused";
  constructor(
    readonly code: number,
    message: string,
    readonly status = 200,
  ) {
    super(message);
  }
}

/** The access token is missing, over or revoked: call `authorize` again. */
export class TokenRejected extends HubRefused {
  override name = "TokenRejected";
}

/** The user said no. */
export class ConsentDenied extends HubRefused {
  override name = "ConsentDenied";
}
