/** What the operator's API says, as `gotapi_core/server/operator_board.py` has it. Times: seconds. */

export interface ScopeView {
  readonly scope: string;
  readonly words: string;
}

/** A request for access that waits for the operator. */
export interface RequestView {
  readonly code: string;
  readonly name: string;
  readonly origin: string;
  readonly browser: boolean;
  readonly scopes: readonly ScopeView[];
  readonly created: number;
  readonly deadline: number;
  readonly waiting: boolean;
  readonly showsCode: boolean;
  readonly known: readonly { readonly id: string; readonly name: string; readonly created: number }[];
}

/** An application with access. */
export interface ApplicationView {
  readonly id: string;
  readonly name: string;
  readonly origin: string;
  readonly scopes: readonly string[];
  readonly created: number;
  readonly expires: number;
  readonly lastUsed: number | null;
  readonly asked: readonly string[];
}

/** A plug-in, how it is, and what it wants. */
export interface PluginView {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
  readonly detail: boolean;
  readonly bundled: boolean;
  readonly runs: string;
  readonly rights: readonly string[];
  readonly changes: readonly string[];
  readonly digest: string;
  readonly decided: boolean;
}

/** A service that a plug-in offers. */
export interface ServiceView {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly online: boolean;
  readonly scopes: readonly string[];
  readonly reason: string;
  readonly plugin: string;
}

/** All that can change under the operator's eyes. */
export interface HubState {
  readonly hub: {
    readonly version: string;
    readonly uuid: string;
    readonly url: string;
    readonly safeMode: string;
  };
  readonly revision: number;
  readonly now: number;
  readonly requests: readonly RequestView[];
  readonly applications: readonly ApplicationView[];
  readonly plugins: readonly PluginView[];
  readonly services: readonly ServiceView[];
  readonly words: Readonly<Record<string, string>>;
}
