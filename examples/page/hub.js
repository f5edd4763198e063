"use strict";

// Everything that talks to the hub. A page needs no library for it: fetch and WebSocket do.

class HubRefused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const TOKEN_TROUBLE = [12, 13, 15]; // expired, missing or unknown, unknown client
const TIMEOUT = 7; // the user has not decided yet

class Hub {
  constructor(url) {
    this.url = url.replace(/\/+$/, "");
    this.token = localStorage.getItem(`token of ${this.url}`);
    this.socket = null;
    this.listeners = new Map();
  }

  // Ask for something: get("3dp/status", {serviceId}). Throws HubRefused with the hub's words.
  get(path, params) { return this.ask("GET", path, params); }
  put(path, params) { return this.ask("PUT", path, params); }
  delete(path, params) { return this.ask("DELETE", path, params); }

  ask(method, path, params = {}) {
    const query = new URLSearchParams({ ...params, accessToken: this.token ?? "" });
    return this.send(method, `${path}?${query}`);
  }

  // Get the user's consent, where a token of an earlier visit is not good any more.
  async authorize(scope, applicationName, onWaiting) {
    await this.send("GET", "availability");
    if (this.token !== null) {
      try {
        await this.get("servicediscovery");
        return;
      } catch (error) {
        if (!TOKEN_TROUBLE.includes(error.code)) throw error;
      }
    }
    const { clientId } = await this.send("GET", "authorization/grant");
    const query = new URLSearchParams({ clientId, scope, applicationName });
    onWaiting();
    for (;;) {
      try {
        // The hub holds this call, up to a minute, until its user has decided.
        const granted = await this.send("GET", `authorization/accesstoken?${query}`);
        this.token = granted.accessToken;
        localStorage.setItem(`token of ${this.url}`, this.token);
        return;
      } catch (error) {
        if (error.code !== TIMEOUT) throw error;
      }
    }
  }

  forget() {
    localStorage.removeItem(`token of ${this.url}`);
    this.token = null;
    this.socket?.close();
  }

  // Call `hear` with each event of a service, until the returned function is called.
  async listen(path, serviceId, hear) {
    await this.open();
    const key = `${serviceId} ${path}`.toLowerCase();
    this.listeners.set(key, hear);
    try {
      await this.put(path, { serviceId });
    } catch (error) {
      this.listeners.delete(key);
      throw error;
    }
    return async () => {
      this.listeners.delete(key);
      await this.delete(path, { serviceId });
    };
  }

  // One WebSocket carries the events of everything this page listens to.
  open() {
    if (this.socket !== null) return this.opened;
    const socket = new WebSocket(`${this.url.replace(/^http/, "ws")}/gotapi/websocket`);
    this.socket = socket;
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify({ accessToken: this.token }));
      socket.onclose = () => {
        this.socket = null;
        reject(new Error("The hub closed the WebSocket."));
      };
      socket.onmessage = ({ data }) => {
        const verdict = JSON.parse(data);
        if (verdict.result !== 0) {
          reject(new HubRefused(verdict.errorCode, verdict.errorMessage));
          return;
        }
        socket.onmessage = (message) => this.hear(JSON.parse(message.data));
        resolve();
      };
    });
    return this.opened;
  }

  hear(event) {
    const path = [event.profile, event.interface, event.attribute].filter(Boolean).join("/");
    this.listeners.get(`${event.serviceId} ${path}`.toLowerCase())?.(event);
  }

  async send(method, pathAndQuery) {
    let answer;
    try {
      // The browser says by itself who asks (Origin). Chrome asks its user before a page of the
      // internet may reach this computer; targetAddressSpace says that this is meant.
      answer = await fetch(`${this.url}/gotapi/${pathAndQuery}`, {
        method,
        targetAddressSpace: "loopback",
      });
    } catch {
      throw new Error(`No hub answers at ${this.url}, or the browser does not let the page ask it.`);
    }
    const members = await answer.json();
    if (members.result !== 0) throw new HubRefused(members.result, members.errorMessage);
    return members;
  }
}
