export { findHub, type FindOptions } from "./discover.js";
export * from "./errors.js";
export { type HubEvent, type ListenOptions } from "./events.js";
export { Hub, type AuthorizeOptions, type HubOptions, type Service, type Token } from "./hub.js";
export { localNetwork, type LocalNetwork } from "./network.js";
export { type StoredFile, type UploadOptions } from "./upload.js";
export { type Members, type Params } from "./wire.js";
